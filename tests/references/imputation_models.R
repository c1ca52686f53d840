source("common.R")
suppressMessages({library(nnet); library(MASS)})

# nnet and MASS climb with BFGS, and MASS differences its Hessian: the tests allow for both. fit$Hessian of
# MASS is that of log differences of thresholds; vcov() is of the thresholds.
nominal <- function(label, data, outcome, levels, covariates, weight = NULL, subset = NULL) {
  d <- rows(read_data(data), subset, c(outcome, covariates))
  y <- factor(d[[outcome]], levels)
  x <- scale(sapply(covariates, function(name) column(d, name)))
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  fit <- multinom(y ~ x, weights = w, reltol = 1e-16, abstol = 1e-16, maxit = 5000, Hess = TRUE, trace = FALSE)
  list(label = label, data = data, outcome = outcome, levels = I(levels), covariates = I(covariates),
       weight = weight, subset = subset, coefficients = unname(matrix(coef(fit), length(levels) - 1)),
       information = unname(fit$Hessian), log_likelihood = -fit$value)
}

ordered_levels <- function(label, data, outcome, levels, covariates, subset = NULL) {
  d <- rows(read_data(data), subset, c(outcome, covariates))
  y <- factor(d[[outcome]], levels, ordered = TRUE)
  x <- scale(sapply(covariates, function(name) column(d, name)))
  fit <- polr(y ~ x, Hess = TRUE, control = list(reltol = 1e-16, maxit = 5000))
  cuts <- seq_along(fit$zeta) + ncol(x)
  order <- c(cuts, seq_len(ncol(x)))
  list(label = label, data = data, outcome = outcome, levels = I(levels), covariates = I(covariates),
       subset = subset, thresholds = unname(fit$zeta), coefficients = I(unname(coef(fit))),
       information = unname(solve(vcov(fit))[order, order]), log_likelihood = as.numeric(logLik(fit)))
}

sizes <- c("<=20", "20-50", ">50")
write_reference("imputation_models", list(
  nnet = as.character(packageVersion("nnet")), MASS = as.character(packageVersion("MASS")),
  nominal = list(
    nominal("rotterdam size", "rotterdam", "size", sizes, c("age", "meno", "grade", "nodes", "death")),
    nominal("veteran cell type", "veteran", "celltype", c("adeno", "large", "smallcell", "squamous"),
            c("karno", "age", "time", "status")),
    nominal("lalonde, two levels", "lalonde", "married", c("0", "1"), c("age", "educ", "treat", "re74")),
    nominal("ties_heavy with weights", "ties_heavy", "arm", c("A", "B", "C"), c("x1", "x2", "event"), "frequency")),
  ordinal = list(
    ordered_levels("rotterdam size", "rotterdam", "size", sizes, c("age", "meno", "grade", "nodes", "death")),
    ordered_levels("lung performance", "lung", "ph.ecog", c("0", "1", "2", "3"), c("age", "sex", "status", "time")),
    ordered_levels("veteran cell type as if in order", "veteran", "celltype",
                   c("adeno", "large", "smallcell", "squamous"), c("karno", "age", "time", "status")))))
