source("common.R"); source("competing.R")

case <- function(label, data, time, covariates, rows = NULL, pair = NULL) {
  d <- if (data == "fourteen") fourteen else first_of(data)
  if (!is.null(rows)) d <- head(d, rows)
  x <- sapply(covariates, function(name) as.numeric(column(d, name)))
  # crr stops early; Newton steps of its own score and information bring it to the last bits
  one <- function(k) {
    crr_fit <- crr(d[[time]], d$cause, x, failcode = k)
    for (i in 1:3) {
      crr_fit <- crr(d[[time]], d$cause, x, failcode = k, init = crr_fit$coef + solve(crr_fit$inf, crr_fit$score))
    }
    long <- data.frame(t = d[[time]], cause = factor(d$cause, 0:2, c("none", "one", "two")), x, id = seq_len(nrow(d)),
                       pair = if (is.null(pair)) seq_len(nrow(d)) else d[[pair]], check.names = FALSE)
    w <- finegray(Surv(t, cause) ~ ., data = long, etype = c("one", "two")[k], id = id)
    xs <- as.matrix(w[, covariates, drop = FALSE])
    exact <- coxph.control(eps = 1e-12, toler.chol = 1e-13)
    f <- Surv(fgstart, fgstop, fgstatus) ~ xs
    fit <- coxph(f, w, weights = fgwt, control = exact, cluster = id)
    breslow <- coxph(f, w, weights = fgwt, control = exact, cluster = id, ties = "breslow")
    paired <- coxph(f, w, weights = fgwt, control = exact, cluster = pair)
    list(crr = list(coef = I(unname(crr_fit$coef)), var = crr_fit$var, inverse = crr_fit$invinf,
                    loglik = I(c(crr_fit$loglik.null, crr_fit$loglik)), converged = crr_fit$converged),
         finegray = list(coef = I(unname(coef(fit))), var = unname(fit$var), inverse = unname(fit$naive.var),
                         loglik = I(fit$loglik), paired = unname(paired$var)),
         finegray_breslow = I(unname(coef(breslow))))
  }
  list(label = label, data = data, time = time, covariates = I(covariates), rows = rows, pair = pair,
       causes = list(one(1), one(2)))
}

cases <- list(case("fourteen", "fourteen", "time", "x"),
              case("ties_heavy, 300 rows", "ties_heavy", "time", c("x1", "x2"), 300, "pair"),
              case("ties_heavy, tens", "ties_heavy", "months", c("arm=A", "x1", "x2"), 600, "pair"),
              case("rotterdam", "rotterdam", "time", c("hormon", "age", "nodes", "size=>50")),
              case("rotterdam, quarters", "rotterdam", "months", c("hormon", "age", "nodes")))
write_json(list(software = versions(), cases = cases), "fine_gray.json", auto_unbox = TRUE, digits = NA, pretty = TRUE,
           null = "null", na = "null")
