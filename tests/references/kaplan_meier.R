source("common.R")
types <- c("log-log" = "log-log", log = "log", plain = "plain", logit = "logit", arcsine = "arcsin")
shares <- c(.25, .5, .75)

interval <- function(y, w, type, level) {
  fit <- survfit(y ~ 1, weights = w, conf.type = type, robust = FALSE, conf.int = level)
  q <- quantile(fit, shares)
  list(lower = fit$lower, upper = fit$upper, quantiles = unname(q$quantile), quantile_lower = unname(q$lower),
       quantile_upper = unname(q$upper), median = unname(summary(fit)$table[c("median", paste0(level, c("LCL", "UCL")))]))
}

case <- function(label, data, time, event, entry = NULL, weight = NULL, subset = NULL, level = .95) {
  d <- rows(read_data(data), subset, c(time, event, entry, weight))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  fit <- survfit(y ~ 1, weights = w, robust = FALSE)
  list(label = label, data = data, time = time, event = event, entry = entry, weight = weight, subset = subset,
       level = level, times = fit$time, at_risk = fit$n.risk, events = fit$n.event, censored = fit$n.censor,
       survival = fit$surv, std_error = ifelse(is.finite(fit$std.err), fit$std.err, NA),
       intervals = lapply(types, function(type) interval(y, w, type, level)))
}

write_reference("kaplan_meier", list(shares = shares, cases = list(
  case("lung", "lung", "time", "status"),
  case("lung women", "lung", "time", "status", subset = "sex>1"),
  case("lung at 90 %", "lung", "time", "status", level = .9),
  case("veteran", "veteran", "time", "status"),
  case("ovarian", "ovarian", "futime", "fustat"),
  case("aml", "aml", "time", "status"),
  case("rotterdam, node-positive", "rotterdam", "dtime", "death", subset = "nodes>0"),
  case("ties_heavy", "ties_heavy", "time", "event"),
  case("ties_heavy truncated", "ties_heavy", "time", "event", entry = "entry"),
  case("ties_heavy weighted", "ties_heavy", "time", "event", weight = "weight"),
  case("ties_heavy truncated and weighted", "ties_heavy", "time", "event", entry = "entry", weight = "weight"))))
