source("common.R")
control <- coxph.control(eps = 1e-12, iter.max = 100, toler.chol = 1e-13)

case <- function(label, data, time, event, covariates, ties = "efron", entry = NULL, strata = NULL,
                 cluster = NULL, weight = NULL, frequency = NULL, robust = NULL, subset = NULL) {
  needed <- c(time, event, covariates, entry, strata, cluster, weight, frequency)
  d <- rows(read_data(data), subset, needed)
  if (!is.null(frequency)) d <- d[rep(seq_len(nrow(d)), d[[frequency]]), ]
  x <- sapply(covariates, function(name) column(d, name))
  happened <- if (event == "status" && data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  s <- if (is.null(strata)) rep(1, nrow(d)) else d[[strata]]
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  g <- if (is.null(cluster)) seq_len(nrow(d)) else d[[cluster]]
  wants <- if (is.null(robust)) !is.null(cluster) || !is.null(weight) else robust
  fit <- if (wants) {
    coxph(y ~ x + strata(s), weights = w, cluster = g, robust = TRUE, ties = ties, control = control)
  } else {
    coxph(y ~ x + strata(s), weights = w, robust = FALSE, ties = ties, control = control)
  }
  naive <- if (wants) fit$naive.var else fit$var
  list(label = label, data = data, time = time, event = event, covariates = I(covariates), ties = ties,
       entry = entry, strata = strata, cluster = cluster, weight = weight, frequency = frequency,
       robust = robust, subset = subset,
       n = fit$n, events = fit$nevent, coefficients = I(unname(coef(fit))), covariance = fit$var,
       naive_covariance = naive, log_likelihood = fit$loglik[2], null_log_likelihood = fit$loglik[1],
       score = unname(fit$score), wald = drop(coef(fit) %*% solve(fit$var, coef(fit))),
       p_values = I(unname(2 * pnorm(-abs(coef(fit) / sqrt(diag(fit$var)))))))
}

rotterdam_terms <- c("hormon", "age", "meno", "size=20-50", "size=>50", "grade", "nodes", "pgr", "er")
veteran_terms <- c("trt", "celltype=smallcell", "celltype=adeno", "celltype=large", "karno", "age", "prior")
cases <- list()
add <- function(...) cases[[length(cases) + 1]] <<- case(...)
for (ties in c("efron", "breslow")) {
  tag <- function(text) paste(text, ties)
  add(tag("aml"), "aml", "time", "status", "x=Nonmaintained", ties)
  add(tag("ovarian"), "ovarian", "futime", "fustat", c("age", "rx"), ties)
  add(tag("ovarian stratified"), "ovarian", "futime", "fustat", c("age", "rx"), ties, strata = "resid.ds")
  add(tag("lung"), "lung", "time", "status", c("age", "sex", "ph.ecog"), ties)
  add(tag("lung stratified, by institution"), "lung", "time", "status", c("age", "ph.karno"), ties,
      strata = "sex", cluster = "inst")
  add(tag("veteran"), "veteran", "time", "status", veteran_terms, ties)
  add(tag("veteran robust"), "veteran", "time", "status", veteran_terms, ties, robust = TRUE)
  add(tag("rotterdam death"), "rotterdam", "dtime", "death", rotterdam_terms, ties)
  add(tag("rotterdam node-positive relapse by year"), "rotterdam", "rtime", "recur", rotterdam_terms, ties,
      strata = "year", subset = "nodes>0")
  add(tag("ties_heavy"), "ties_heavy", "time", "event", c("arm=B", "arm=C", "x1", "x2"), ties)
  add(tag("ties_heavy truncated"), "ties_heavy", "time", "event", c("arm=B", "x1", "x2"), ties, entry = "entry")
  add(tag("ties_heavy weighted"), "ties_heavy", "time", "event", c("arm=B", "x1", "x2"), ties, weight = "weight")
  add(tag("ties_heavy weighted naive"), "ties_heavy", "time", "event", c("arm=B", "x1"), ties, weight = "weight",
      robust = FALSE)
  add(tag("ties_heavy frequency"), "ties_heavy", "time", "event", c("arm=B", "x1"), ties, frequency = "frequency")
  add(tag("ties_heavy frequency robust"), "ties_heavy", "time", "event", c("arm=B", "x1"), ties,
      frequency = "frequency", robust = TRUE)
  add(tag("ties_heavy everything"), "ties_heavy", "time", "event", c("arm=B", "arm=C", "x1", "x2"), ties,
      entry = "entry", strata = "site", cluster = "pair", weight = "weight")
  add(tag("ties_heavy everything with frequencies"), "ties_heavy", "time", "event", c("arm=B", "x1", "x2"), ties,
      entry = "entry", strata = "site", cluster = "pair", weight = "weight", frequency = "frequency")
}
write_reference("cox", list(cases = cases))
