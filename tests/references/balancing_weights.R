source("common.R")
# Weights by their definitions from a propensity score; entropy balancing by BFGS on its dual, checked by its equations.
d <- read_data("lalonde")
terms <- c("age", "educ", "race=hispan", "race=white", "married", "nodegree", "re74", "re75")
x <- sapply(terms, function(name) column(d, name))
a <- d$treat == 1
p <- unname(fitted(glm(a ~ x, binomial, control = glm.control(epsilon = 1e-14, maxit = 100))))
raw <- list(ATE = ifelse(a, 1 / p, 1 / (1 - p)), ATT = ifelse(a, 1, p / (1 - p)),
            ATC = ifelse(a, (1 - p) / p, 1), ATO = ifelse(a, 1 - p, p))
ess <- function(w) sum(w)^2 / sum(w^2)
smd <- function(w) apply(x, 2, function(v) {
  (weighted.mean(v[a], w[a]) - weighted.mean(v[!a], w[!a])) / sqrt((var(v[a]) + var(v[!a])) / 2)
})
describe <- function(label, estimand, stabilised, quantiles, w) {
  list(label = label, estimand = estimand, stabilised = stabilised, quantiles = quantiles, weight = w,
       total = c(sum(w[a]), sum(w[!a])), effective = c(ess(w[a]), ess(w[!a])), largest = c(max(w[a]), max(w[!a])),
       differences = unname(smd(w)))
}
cut <- function(w, varying, q) {
  limits <- quantile(w[varying], q)
  ifelse(varying, pmin(pmax(w, limits[1]), limits[2]), w)
}
both <- rep(TRUE, length(a))
cases <- c(lapply(names(raw), function(e) describe(e, e, FALSE, NULL, raw[[e]])), list(
  describe("stabilised ATE", "ATE", TRUE, NULL, raw$ATE * ifelse(a, mean(a), mean(!a))),
  describe("ATE cut", "ATE", FALSE, c(.01, .99), cut(raw$ATE, both, c(.01, .99))),
  describe("ATT cut", "ATT", FALSE, c(0, .95), cut(raw$ATT, !a, c(0, .95)))))

# weights of `rows` proportional to exp(z'x) whose means are `target`
tilt <- function(rows, target, x) {
  gaps <- scale(sweep(x[rows, ], 2, target), center = FALSE, scale = apply(x, 2, sd))
  dual <- function(z) log(mean(exp(gaps %*% z)))
  slope <- function(z) { w <- exp(gaps %*% z); drop(crossprod(gaps, w)) / sum(w) }
  z <- optim(rep(0, ncol(x)), dual, slope, method = "BFGS", control = list(reltol = 1e-15, maxit = 2000))$par
  for (i in 1:5) {  # BFGS stops early: Newton's last steps
    w <- drop(exp(gaps %*% z)); w <- w / sum(w); m <- colSums(gaps * w)
    z <- z - solve(crossprod(gaps, gaps * w) - tcrossprod(m), m)
  }
  w <- drop(exp(gaps %*% z))
  stopifnot(max(abs(colSums(gaps * w) / sum(w))) < 1e-12)
  w / sum(w) * sum(rows)
}
entropy <- function(label, estimand, moments) {
  y <- if (moments == 2) cbind(x, (sweep(x, 2, colMeans(x))^2)[, c(1, 2, 7, 8)]) else x
  target <- colMeans(switch(estimand, ATT = y[a, ], ATC = y[!a, ], y))
  w <- rep(1, length(a))
  if (estimand != "ATT") w[a] <- tilt(a, target, y)
  if (estimand != "ATC") w[!a] <- tilt(!a, target, y)
  list(label = label, estimand = estimand, moments = moments, weight = w)
}
write_reference("balancing_weights", list(terms = I(terms), cases = cases, entropy = list(
  entropy("ATT", "ATT", 1), entropy("ATE", "ATE", 1), entropy("ATT with variances", "ATT", 2))))
