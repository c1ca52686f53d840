source("common.R")
# Offsets, deviance residuals, predicted curves and exact ties.
control <- coxph.control(eps = 1e-12, iter.max = 100, toler.chol = 1e-13)
prepare <- function(data, time, event, covariates, entry = NULL, strata = NULL, offset = NULL, weight = NULL,
                    cluster = NULL, subset = NULL) {
  d <- rows(read_data(data), subset, c(time, event, covariates, entry, strata, offset, weight, cluster))
  happened <- if (event == "status" && data == "lung") d[[event]] == 2 else d[[event]] == 1
  list(x = sapply(covariates, function(name) column(d, name)),
       y = if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened),
       s = if (is.null(strata)) rep(1, nrow(d)) else d[[strata]],
       o = if (is.null(offset)) rep(0, nrow(d)) else d[[offset]],
       w = if (is.null(weight)) rep(1, nrow(d)) else d[[weight]],
       g = if (is.null(cluster)) seq_len(nrow(d)) else d[[cluster]])
}
described <- function(label, data, time, event, covariates, ties, entry = NULL, strata = NULL, offset = NULL,
                      weight = NULL, cluster = NULL, subset = NULL) {
  list(label = paste(label, ties), data = data, time = time, event = event, covariates = I(covariates), ties = ties,
       entry = entry, strata = strata, offset = offset, weight = weight, cluster = cluster, subset = subset)
}
fitted_with <- function(p, ties, robust) {
  if (robust) coxph(y ~ x + strata(s) + offset(o), p, weights = w, cluster = g, robust = TRUE, ties = ties,
                    control = control)
  else coxph(y ~ x + strata(s) + offset(o), p, robust = FALSE, ties = ties, control = control)
}
case <- function(...) {
  about <- described(...)
  p <- do.call(prepare, about[!(names(about) %in% c("label", "ties")) & !sapply(about, is.null)])
  fit <- fitted_with(p, about$ties, !is.null(about$weight) || !is.null(about$cluster))
  answer <- list(coefficients = I(unname(coef(fit))), covariance = fit$var, log_likelihood = fit$loglik[2],
                 null_log_likelihood = fit$loglik[1], score = unname(fit$score))
  if (about$ties != "exact") answer$deviance <- unname(residuals(fit, "deviance"))
  c(about, answer)
}
# Predictions are of fits without offset, whose centre R chooses itself.
prediction <- function(...) {
  about <- described(...)
  p <- do.call(prepare, about[!(names(about) %in% c("label", "ties")) & !sapply(about, is.null)])
  robust <- !is.null(about$weight) || !is.null(about$cluster)
  x <- p$x; y <- p$y; s <- p$s; w <- p$w; g <- p$g
  wanted <- rbind(apply(x, 2, min), colMeans(x), apply(x, 2, median) + 0.5)
  d <- data.frame(x); names(d) <- paste0("v", seq_len(ncol(x)))
  f <- as.formula(paste("y ~", paste(names(d), collapse = "+"), if (length(unique(s)) > 1) "+ strata(s)" else ""))
  d$s <- s
  fit <- if (robust) coxph(f, d, weights = w, cluster = g, robust = TRUE, ties = about$ties, control = control)
         else coxph(f, d, robust = FALSE, ties = about$ties, control = control)
  new <- data.frame(wanted); names(new) <- names(d)[seq_len(ncol(x))]
  first <- sort(unique(s))[1]
  new$s <- first
  curves <- survfit(fit, new, conf.type = "log")
  # patients of a stratum come one below the other, else side by side
  table <- function(v) { m <- matrix(v, ncol = nrow(wanted)); m[matrix(curves$n.event, nrow = nrow(m))[, 1] > 0, ] }
  times <- matrix(curves$time, nrow = length(curves$surv) / nrow(wanted))[, 1]
  c(about, list(wanted = unname(wanted),
                times = times[matrix(curves$n.event, nrow = length(times))[, 1] > 0],
                survival = table(curves$surv), std_error = table(curves$std.err), lower = table(curves$lower),
                upper = table(curves$upper)))
}
cases <- list(); predictions <- list()
add <- function(...) cases[[length(cases) + 1]] <<- case(...)
predict_for <- function(...) predictions[[length(predictions) + 1]] <<- prediction(...)
for (ties in c("efron", "breslow", "exact")) {
  add("aml", "aml", "time", "status", "x=Nonmaintained", ties)
  add("lung with offset", "lung", "time", "status", c("age", "ph.ecog"), ties, offset = "sex")
  add("veteran stratified", "veteran", "time", "status", c("trt", "karno", "age"), ties, strata = "prior")
  few <- if (ties == "exact") "id>1930" else "id>1700"  # R enumerates exact ties anew at every event time
  add("few truncated", "ties_heavy", "time", "event", c("arm=B", "x1"), ties, entry = "entry", subset = few)
  add("few with offset", "ties_heavy", "time", "event", c("arm=B", "x1"), ties, offset = "x2", strata = "site",
      subset = few)
}
for (ties in c("efron", "breslow")) {
  add("ties_heavy everything", "ties_heavy", "time", "event", c("arm=B", "x1"), ties, offset = "x2", strata = "site",
      entry = "entry", weight = "weight", cluster = "pair", subset = "id>1600")
  predict_for("aml", "aml", "time", "status", "x=Nonmaintained", ties)
  predict_for("veteran stratified", "veteran", "time", "status", c("trt", "karno", "age"), ties, strata = "prior")
  predict_for("few truncated", "ties_heavy", "time", "event", c("arm=B", "x1"), ties, entry = "entry",
              subset = "id>1800")
  predict_for("few weighted", "ties_heavy", "time", "event", c("arm=B", "x1", "x2"), ties, weight = "weight",
              cluster = "pair", subset = "id>1700")
}
write_reference("cox_more", list(cases = cases, predictions = predictions))
