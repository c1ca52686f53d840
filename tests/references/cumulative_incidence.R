source("common.R"); source("competing.R")

# cuminc steps: the value at a time is the last one stored for it
at_times <- function(fit, at) {
  last <- sapply(at, function(t) max(which(fit$time <= t)))
  list(est = I(fit$est[last]), var = I(fit$var[last]))
}

case <- function(label, data, time, level = NULL) {
  d <- first_of(data)
  if (!is.null(level)) d <- d[as.character(d$arm) == level, ]
  t <- d[[time]]
  fit <- cuminc(t, d$cause)
  multi <- function(type) survfit(Surv(t, factor(d$cause, 0:2)) ~ 1, conf.type = type)
  loglog <- multi("log-log"); plain <- multi("plain")
  at <- loglog$time
  one <- function(k) {
    list(cmprsk = at_times(fit[[paste("1", k)]], at), pstate = I(loglog$pstate[, k + 1]),
         std_error = I(loglog$std.err[, k + 1]), lower = I(loglog$lower[, k + 1]), upper = I(loglog$upper[, k + 1]),
         plain_lower = I(plain$lower[, k + 1]), plain_upper = I(plain$upper[, k + 1]))
  }
  list(label = label, data = data, time = time, level = level, at = I(at), at_risk = I(loglog$n.risk[, 1]),
       survival = I(loglog$pstate[, 1]), causes = list(one(1), one(2)))
}

cases <- list(case("ties_heavy", "ties_heavy", "time"), case("ties_heavy, tens", "ties_heavy", "months"),
              case("ties_heavy, arm A", "ties_heavy", "time", "A"),
              case("rotterdam, quarters", "rotterdam", "months"))
write_json(list(software = versions(), cases = cases), "cumulative_incidence.json", auto_unbox = TRUE, digits = NA,
           pretty = FALSE, null = "null", na = "null")
