source("common.R")
# Robust score tests at 0 of weighted Cox models; one term an arm but the first.
case <- function(label, data, time, event, arm, ties, weight = NULL, entry = NULL, strata = NULL, cluster = NULL) {
  d <- rows(read_data(data), NULL, c(time, event, arm, weight, entry, strata, cluster))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  s <- if (is.null(strata)) rep(1, nrow(d)) else d[[strata]]
  g <- if (is.null(cluster)) seq_len(nrow(d)) else d[[cluster]]
  a <- factor(d[[arm]])
  fit <- coxph(y ~ a + strata(s), weights = w, cluster = g, robust = TRUE, ties = ties)
  observed <- tapply(w * happened, a, sum)
  list(label = paste(label, ties), data = data, time = time, event = event, arm = arm, ties = ties, weight = weight,
       entry = entry, strata = strata, cluster = cluster,
       statistic = as.vector(fit$rscore), df = length(coef(fit)), observed = I(as.vector(observed)))
}
cases <- list()
for (ties in c("breslow", "efron")) {
  add <- function(...) cases[[length(cases) + 1]] <<- case(..., ties = ties)
  add("aml", "aml", "time", "status", "x")
  add("lung", "lung", "time", "status", "sex")
  add("veteran, four cells", "veteran", "time", "status", "celltype")
  add("rotterdam", "rotterdam", "dtime", "death", "hormon")
  add("ties_heavy", "ties_heavy", "time", "event", "arm")
  add("ties_heavy weighted", "ties_heavy", "time", "event", "arm", weight = "weight")
  add("ties_heavy weighted, truncated", "ties_heavy", "time", "event", "arm", weight = "weight", entry = "entry")
  add("ties_heavy everything", "ties_heavy", "time", "event", "arm", weight = "weight", entry = "entry",
      strata = "site", cluster = "pair")
}
write_reference("weighted_log_rank", list(cases = cases))
