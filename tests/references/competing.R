# Shared by the references of competing causes: samples with a first event of cause 1 or 2, or none (0).
suppressMessages(library(cmprsk))

first_of <- function(name) {
  d <- read_data(name)
  if (name == "rotterdam") {  # relapse, or death without it
    d <- d[d$nodes > 0, ]
    d$cause <- ifelse(d$recur == 1, 1, ifelse(d$death == 1, 2, 0))
    d$time <- ifelse(d$recur == 1, d$rtime, d$dtime)
    d$months <- 1 + floor(d$time / 91)  # quarters: many ties
    d$arm <- d$hormon
    d$site <- d$grade
  } else {
    d$cause <- ifelse(d$event == 1, 1 + (d$id %% 3 == 0), 0)
    d$months <- 1 + floor(d$time / 10)  # not 0, where crr takes G(0) for G(0-)
  }
  d
}

fourteen <- data.frame(time = c(1, 2, 3, 4, 4, 4, 5, 5, 6, 8, 8, 9, 10, 12),
                       cause = c(1, 2, 0, 1, 0, 0, 2, 1, 0, 0, 2, 0, 1, 0),
                       x = c(5, 4, 3, 1, 2, 1, 1, 2, 2, 4, 6, 1, 2, 0), arm = rep(0:1, 7))

versions <- function() c(software(), list(cmprsk = as.character(packageVersion("cmprsk"))))
