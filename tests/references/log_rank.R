source("common.R")

case <- function(label, data, time, event, arm, strata = NULL, rho = 0, subset = NULL) {
  d <- rows(read_data(data), subset, c(time, event, arm, strata))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  s <- if (is.null(strata)) rep(1, nrow(d)) else d[[strata]]
  fit <- survdiff(Surv(d[[time]], happened) ~ d[[arm]] + strata(s), rho = rho)
  total <- function(v) if (is.matrix(v)) rowSums(v) else v
  list(label = label, data = data, time = time, event = event, arm = arm, strata = strata, rho = rho,
       subset = subset, n = I(as.numeric(table(d[[arm]]))), observed = I(unname(total(fit$obs))),
       expected = I(unname(total(fit$exp))), variance = fit$var, statistic = fit$chisq,
       degrees_of_freedom = length(fit$n) - 1,
       p_value = pchisq(fit$chisq, length(fit$n) - 1, lower.tail = FALSE))
}

# survdiff knows no left truncation: the score test of the exact partial likelihood is the log-rank test.
truncated <- function(rows, strata = FALSE) {
  d <- head(read_data("ties_heavy"), rows)
  d$arm <- factor(d$arm)
  f <- if (strata) Surv(entry, time, event) ~ arm + strata(site) else Surv(entry, time, event) ~ arm
  fit <- coxph(f, d, ties = "exact")
  list(rows = rows, strata = strata, statistic = unname(fit$score))
}

cases <- list()
add <- function(...) cases[[length(cases) + 1]] <<- case(...)
for (rho in c(0, .5, 1)) {
  tag <- function(text) paste0(text, ", rho ", rho)
  add(tag("aml"), "aml", "time", "status", "x", rho = rho)
  add(tag("lung"), "lung", "time", "status", "sex", rho = rho)
  add(tag("lung stratified"), "lung", "time", "status", "sex", "ph.ecog", rho = rho)
  add(tag("ovarian stratified"), "ovarian", "futime", "fustat", "rx", "resid.ds", rho = rho)
  add(tag("veteran cells"), "veteran", "time", "status", "celltype", rho = rho)
  add(tag("rotterdam node-positive"), "rotterdam", "dtime", "death", "hormon", subset = "nodes>0", rho = rho)
  add(tag("ties_heavy"), "ties_heavy", "time", "event", "arm", rho = rho)
  add(tag("ties_heavy stratified"), "ties_heavy", "time", "event", "arm", "site", rho = rho)
}
write_reference("log_rank", list(cases = cases, truncated = list(truncated(40), truncated(60, TRUE))))
