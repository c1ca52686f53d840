source("common.R")
# The infinitesimal jackknife of log S, each patient being one id.
case <- function(label, data, time, event, entry = NULL, weight = NULL, subset = NULL) {
  d <- rows(read_data(data), subset, c(time, event, entry, weight))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  id <- seq_len(nrow(d))
  fit <- survfit(y ~ 1, weights = w, id = id, robust = TRUE, conf.type = "log-log")
  error <- if (fit$logse) fit$std.err else fit$std.err / fit$surv
  list(label = label, data = data, time = time, event = event, entry = entry, weight = weight, subset = subset,
       times = fit$time, at_risk = fit$n.risk, survival = fit$surv,
       std_error = ifelse(fit$surv > 1e-12, error, NA),
       lower = fit$lower, upper = fit$upper)
}
few <- "id>1880"
write_reference("kaplan_meier_robust", list(cases = list(
  case("lung", "lung", "time", "status"),
  case("veteran", "veteran", "time", "status"),
  case("ties_heavy", "ties_heavy", "time", "event"),
  case("ties_heavy weighted", "ties_heavy", "time", "event", weight = "weight"),
  case("ties_heavy truncated", "ties_heavy", "time", "event", entry = "entry"),
  case("ties_heavy truncated and weighted", "ties_heavy", "time", "event", entry = "entry", weight = "weight"),
  case("few truncated and weighted", "ties_heavy", "time", "event", entry = "entry", weight = "weight",
       subset = few),
  case("few weighted", "ties_heavy", "time", "event", weight = "weight", subset = few))))
