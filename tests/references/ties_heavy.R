# Writes ../data/ties_heavy.csv: 2,000 made-up patients whose whole-number times are shared by dozens each.
set.seed(20250101)
n <- 2000
arm <- sample(c("A", "B", "C"), n, TRUE, c(.5, .3, .2))
x1 <- round(rnorm(n), 1)
x2 <- rbinom(n, 1, .4)
entry <- ifelse(runif(n) < .4, 0, sample(1:12, n, TRUE))
rate <- .05 * exp(.4 * x1 - .5 * x2 + .3 * (arm == "B"))
event_time <- entry + ceiling(rexp(n, rate))
censoring <- entry + sample(1:60, n, TRUE)
data <- data.frame(
  id = 1:n, arm = arm, x1 = x1, x2 = x2, site = sample(1:4, n, TRUE), pair = sample(1:600, n, TRUE),
  weight = sample(1:12, n, TRUE) / 4, frequency = sample(1:3, n, TRUE, c(.6, .3, .1)),
  entry = entry, time = pmin(event_time, censoring), event = as.integer(event_time <= censoring))
write.csv(data, "../data/ties_heavy.csv", row.names = FALSE, quote = FALSE)
