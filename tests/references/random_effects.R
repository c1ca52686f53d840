# metafor is not among Debian's packages used here: the restricted likelihood is maximised by optimize on the log scale
# and on the plain one, written with matrices, and all else follows from it by hand.
source("common.R")

# Colditz et al. (1994), 13 trials of the BCG vaccine; metafor's dat.bcg
bcg <- data.frame(tpos = c(4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27),
                  tneg = c(119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886),
                  cpos = c(11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29),
                  cneg = c(128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825))
bcg_y <- with(bcg, log((tpos / (tpos + tneg)) / (cpos / (cpos + cneg))))
bcg_s <- with(bcg, sqrt(1 / tpos - 1 / (tpos + tneg) + 1 / cpos - 1 / (cpos + cneg)))

restricted <- function(tau2, y, v) {
  V <- diag(v + tau2); X <- matrix(1, length(y), 1)
  W <- solve(V); b <- solve(t(X) %*% W %*% X, t(X) %*% W %*% y)
  r <- y - X %*% b
  -0.5 * (determinant(V)$modulus + determinant(t(X) %*% W %*% X)$modulus + t(r) %*% W %*% r)[1]
}

case <- function(label, y, s) {
  v <- s^2; k <- length(y)
  f <- function(t) restricted(t, y, v)
  start <- optim(log(var(y) / 2 + 1e-6), function(l) -f(exp(l)), method = "BFGS", control = list(reltol = 1e-15))
  tau2 <- optimize(f, exp(start$par) * c(.5, 2), maximum = TRUE, tol = 1e-12)$maximum
  if (f(0) >= f(tau2)) tau2 <- 0
  fixed <- lm(y ~ 1, weights = 1 / v)
  w <- 1 / (v + tau2); random <- lm(y ~ 1, weights = w)
  factor <- summary(random)$sigma^2
  se <- sqrt(max(1, factor) / sum(w)); mu <- unname(coef(random))
  Q <- sum((y - coef(fixed))^2 / v)
  list(label = label, y = I(y), s = I(s), fixed = unname(coef(fixed)), fixed_se = sqrt(1 / sum(1 / v)), tau2 = tau2,
       log_likelihood = f(tau2), random = mu, se = se, factor = factor, lower = mu - qt(.975, k - 1) * se,
       upper = mu + qt(.975, k - 1) * se, p = 2 * pt(-abs(mu / se), k - 1), Q = Q,
       Q_p = pchisq(Q, k - 1, lower.tail = FALSE), I2 = max(0, (Q - (k - 1)) / Q),
       prediction = I(mu + c(-1, 1) * qt(.975, k - 2) * sqrt(tau2 + se^2)))
}

set.seed(5)
cases <- list(case("bcg", bcg_y, bcg_s),
              case("homogeneous", c(-.31, -.30, -.33, -.29, -.32), c(.2, .25, .3, .22, .28)),
              case("four", c(-.5, -.1, -.9, .2), c(.2, .25, .3, .2)),
              case("three", c(-.5, -.1, -.9), c(.12, .25, .3)),
              case("twenty", rnorm(20, -.3, .4), runif(20, .1, .6)))
without <- lapply(seq_along(bcg_y), function(i) case("", bcg_y[-i], bcg_s[-i])[c("random", "lower", "upper", "tau2")])
write_reference("random_effects", list(cases = cases, without = without))
