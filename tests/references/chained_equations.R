# Every fifth patient of rotterdam, values deleted given what is observed, imputed by mice, analysed by Cox regression.
source("common.R")
suppressMessages({library(mice); library(nnet); library(MASS)})

# mice always adds patients of weight p + 1 against perfect prediction, which moves the share of a rare level by more than
# a standard deviation between imputations (polr, >50 mm: 0.106 instead of 0.117). None of these data need it: off.
assignInNamespace("augment", function(y, ry, x, wy, ...) {
  list(y = y, ry = ry, x = x, w = rep(1, length(y)), wy = wy)
}, "mice")

# mice takes the estimates of multinom and polr for the truth. These draw the coefficients first.
normal <- function(estimate, covariance) as.vector(estimate + t(chol(covariance)) %*% rnorm(length(estimate)))

pick <- function(p) 1 + rowSums(runif(nrow(p)) > t(apply(p, 1, cumsum))[, -ncol(p), drop = FALSE])

mice.impute.nominal <- function(y, ry, x, wy = !ry, ...) {
  fit <- multinom(y[ry] ~ x[ry, ], trace = FALSE, reltol = 1e-12, maxit = 1000, Hess = TRUE)
  b <- normal(as.vector(t(coef(fit))), solve(fit$Hessian))
  odds <- exp(cbind(0, cbind(1, x[wy, ]) %*% matrix(b, ncol = nlevels(y) - 1)))
  factor(levels(y)[pick(odds / rowSums(odds))], levels(y))
}

mice.impute.ordered <- function(y, ry, x, wy = !ry, ...) {
  z <- x[ry, ]
  fit <- polr(y[ry] ~ z, Hess = TRUE)
  b <- normal(c(coef(fit), fit$zeta), vcov(fit))
  below <- sapply(b[-seq_len(ncol(z))], function(cut) plogis(cut - x[wy, ] %*% b[seq_len(ncol(z))]))
  factor(levels(y)[pick(cbind(below, 1) - cbind(0, below))], levels(y), ordered = TRUE)
}

patients <- function() {
  d <- read_data("rotterdam")
  d <- d[seq(1, nrow(d), by = 5), ]
  f <- survfit(Surv(dtime, death) ~ 1, data = d)
  data.frame(row = seq_len(nrow(d)), log_er = log1p(d$er), log_nodes = log1p(d$nodes), age = d$age, meno = d$meno,
             size = factor(d$size, c("<=20", "20-50", ">50")), grade = d$grade, hormon = d$hormon, death = d$death,
             hazard = f$cumhaz[match(d$dtime, f$time)], dtime = d$dtime)
}

# Missing at random: likelier among the old and among those who died, who are complete in what decides.
deleted <- function(d, share, seed) {
  set.seed(seed)
  score <- qlogis(share) + 0.6 * scale(d$age)[, 1] + 0.8 * (d$death - mean(d$death))
  which(runif(nrow(d)) < plogis(score))
}

analysis <- function(d) {
  # coxph takes a coefficient near 0 in one imputation for one that runs away
  fit <- suppressWarnings(
    coxph(Surv(dtime, death) ~ log_er + log_nodes + meno + (size == "20-50") + (size == ">50"), data = d))
  c(coef(fit), mean(d$log_er), mean(d$meno), mean(d$size == "20-50"), mean(d$size == ">50"))
}

terms <- c("cox log_er", "cox log_nodes", "cox meno", "cox size 20-50", "cox size >50",
           "mean log_er", "mean meno", "share size 20-50", "share size >50")

case <- function(label, methods, missing, m, iterations, seed, concerns, ordered_size = FALSE) {
  d <- patients()
  truth <- unname(analysis(d))
  for (name in names(missing)) d[[name]][missing[[name]]] <- NA
  input <- d[, setdiff(names(d), c("row", "dtime"))]
  if ("meno" %in% names(missing)) input$meno <- factor(input$meno)
  if (ordered_size) input$size <- factor(input$size, levels(input$size), ordered = TRUE)
  method <- setNames(rep("", ncol(input)), names(input))
  method[names(methods)] <- methods
  made <- mice(input, m = m, maxit = iterations, method = method, visitSequence = "monotone", donors = 5,
               seed = seed, printFlag = FALSE)
  found <- sapply(seq_len(m), function(i) {
    one <- d
    for (name in names(missing)) {
      drawn <- complete(made, i)[[name]]
      one[[name]] <- if (name == "meno") as.numeric(as.character(drawn)) else drawn
    }
    analysis(one)
  })
  list(label = label, methods = as.list(methods), m = m, iterations = iterations,
       rows = lapply(missing, function(at) I(at - 1)), terms = terms, concerns = I(concerns), truth = truth,
       mean = unname(rowMeans(found)), variance = unname(apply(found, 1, var)))
}

d <- patients()
third <- deleted(d, 0.3, 1); fifth <- deleted(d, 0.2, 2); quarter <- deleted(d, 0.25, 3)
sizes <- c("cox size 20-50", "cox size >50", "share size 20-50", "share size >50")
write_reference("chained_equations", list(mice = as.character(packageVersion("mice")), cases = list(
  case("number by pmm", c(log_er = "pmm"), list(log_er = third), 200, 1, 11, c("cox log_er", "mean log_er")),
  case("two levels by logistic", c(meno = "logreg"), list(meno = third), 200, 1, 12, c("cox meno", "mean meno")),
  case("three levels by polyreg", c(size = "polyreg"), list(size = third), 200, 1, 13, sizes),
  case("three levels by polytomous", c(size = "nominal"), list(size = third), 200, 1, 16, sizes),
  case("three levels by polr", c(size = "polr"), list(size = third), 200, 1, 14, sizes, TRUE),
  case("three levels by ordinal", c(size = "ordered"), list(size = third), 200, 1, 17, sizes, TRUE),
  case("three variables together", c(log_er = "pmm", meno = "logreg", size = "nominal"),
       list(log_er = third, meno = fifth, size = quarter), 100, 5, 15, terms))))
