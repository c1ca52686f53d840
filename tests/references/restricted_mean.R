source("common.R")
# R's rmean of survfit: area up to tau and its standard error
area <- function(y, w, tau) {
  table <- summary(survfit(y ~ 1, weights = w, robust = FALSE), rmean = tau)$table
  unname(table[c("rmean", "se(rmean)")])
}
case <- function(label, data, time, event, taus, entry = NULL, subset = NULL) {
  d <- rows(read_data(data), subset, c(time, event, entry))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  list(label = label, data = data, time = time, event = event, entry = entry, subset = subset,
       answers = lapply(taus, function(tau) list(tau = tau, answer = area(y, rep(1, nrow(d)), tau))))
}
write_reference("restricted_mean", list(cases = list(
  case("lung", "lung", "time", "status", c(11, 100, 365, 883, 1000, 1022)),
  case("lung women", "lung", "time", "status", c(5, 365, 765, 800), subset = "sex>1"),
  case("veteran", "veteran", "time", "status", c(1.5, 100, 500, 999)),
  case("ovarian", "ovarian", "futime", "fustat", c(100, 638, 1000)),
  case("aml", "aml", "time", "status", c(5, 30, 48, 100)),
  case("rotterdam", "rotterdam", "dtime", "death", c(365, 1826, 5000)),
  case("ties_heavy", "ties_heavy", "time", "event", c(2.5, 12, 40)),
  case("ties_heavy truncated", "ties_heavy", "time", "event", c(2.5, 12, 40), entry = "entry"))))
