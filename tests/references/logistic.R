source("common.R")

case <- function(label, data, outcome, covariates, frequency = NULL, subset = NULL) {
  d <- rows(read_data(data), subset, c(outcome, covariates, frequency))
  if (!is.null(frequency)) d <- d[rep(seq_len(nrow(d)), d[[frequency]]), ]
  x <- sapply(covariates, function(name) column(d, name))
  fit <- glm(column(d, outcome) ~ x, binomial, control = glm.control(epsilon = 1e-14, maxit = 100))
  # one more scoring step's information: vcov() holds that of the step before the last
  p <- fitted(fit); z <- cbind(1, x)
  list(label = label, data = data, outcome = outcome, covariates = I(covariates), frequency = frequency,
       subset = subset, n = nrow(d), coefficients = unname(coef(fit)),
       covariance = unname(solve(crossprod(z, z * p * (1 - p)), tol = 1e-30)),
       deviance = deviance(fit), sd_linear_predictor = sd(fit$linear.predictors),
       range_linear_predictor = range(fit$linear.predictors))
}

write_reference("logistic", list(cases = list(
  case("lalonde", "lalonde", "treat",
       c("age", "educ", "race=hispan", "race=white", "married", "nodegree", "re74", "re75")),
  case("rotterdam node-positive", "rotterdam", "hormon",
       c("age", "meno", "size=20-50", "size=>50", "grade", "nodes", "pgr", "er"), subset = "nodes>0"),
  case("rotterdam with year and chemotherapy", "rotterdam", "hormon", c("year", "age", "nodes", "chemo")),
  case("ovarian", "ovarian", "rx=1", c("age", "resid.ds", "ecog.ps")),
  case("ties_heavy", "ties_heavy", "x2", c("arm=B", "arm=C", "x1", "entry")),
  case("ties_heavy with frequencies", "ties_heavy", "x2", c("arm=B", "x1"), frequency = "frequency"))))
