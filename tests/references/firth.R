source("common.R")
# Jeffreys's prior by hand: the likelihood and its information come from coxph and from X'WX, the maximum and the profile
# from general optimisers, which know no score.
climb <- function(f, start) {
  if (length(start) == 0) return(list(par = start, value = f(start)))
  height <- f; f <- function(b) { v <- suppressWarnings(height(b)); if (is.finite(v)) v else -1e8 }
  p <- start
  for (i in 1:2) p <- optim(p, f, method = if (length(p) == 1) "BFGS" else "Nelder-Mead",
                            control = list(fnscale = -1, reltol = 1e-15, maxit = 5000, ndeps = rep(1e-5, length(p))))$par
  for (i in 1:3) {  # Newton's steps by central differences
    h <- 1e-3; k <- length(p); e <- diag(k) * h
    g <- sapply(1:k, function(j) (8 * (f(p + e[j, ]) - f(p - e[j, ])) - (f(p + 2 * e[j, ]) - f(p - 2 * e[j, ]))) / (12 * h))
    H <- outer(1:k, 1:k, Vectorize(function(a, b) (f(p + e[a, ] + e[b, ]) - f(p + e[a, ] - e[b, ]) -
                                                     f(p - e[a, ] + e[b, ]) + f(p - e[a, ] - e[b, ])) / (4 * h^2)))
    better <- p - tryCatch(solve(H, g), error = function(e) 0)
    if (f(better) > f(p) - 1e-9) p <- better
  }
  list(par = p, value = f(p))
}
answers <- function(f, start, terms) {
  top <- climb(f, start)
  fall <- function(j, value) {
    put <- function(rest) { b <- numeric(length(start)); b[j] <- value; b[-j] <- rest; b }
    2 * (top$value - climb(function(rest) f(put(rest)), top$par[-j])$value)
  }
  q <- qchisq(.95, 1)
  limit <- function(j, side) {
    out <- top$par[j] + side * 0.5
    while (fall(j, out) < q) out <- top$par[j] + 1.5 * (out - top$par[j])
    uniroot(function(v) fall(j, v) - q, sort(c(top$par[j], out)), tol = 1e-9)$root
  }
  list(coefficients = I(top$par), log_likelihood = top$value,
       lower = I(sapply(terms, limit, -1)), upper = I(sapply(terms, limit, 1)),
       statistics = I(sapply(terms, fall, 0)))
}
cox <- function(label, time, event, x, entry = NULL, strata = NULL) {
  x <- as.matrix(x)
  y <- if (is.null(entry)) Surv(time, event) else Surv(entry, time, event)
  s <- if (is.null(strata)) rep(1, nrow(x)) else strata
  f <- function(b) {
    fit <- coxph(y ~ x + strata(s), init = b, ties = "breslow", control = coxph.control(iter.max = 0))
    fit$loglik[2] - log(det(fit$var)) / 2
  }
  c(list(label = label, time = time, event = event, x = unname(x), entry = entry, strata = strata),
    answers(f, rep(0, ncol(x)), seq_len(ncol(x))))
}
logistic <- function(label, outcome, x) {
  x <- as.matrix(x); centre <- colMeans(x); z <- cbind(1, sweep(x, 2, centre))
  f <- function(b) {
    eta <- drop(z %*% b); p <- plogis(eta)
    sum(plogis(ifelse(outcome == 1, eta, -eta), log.p = TRUE)) + log(det(crossprod(z, z * p * (1 - p)))) / 2
  }
  found <- answers(f, rep(0, ncol(z)), 1 + seq_len(ncol(x)))
  found$coefficients[1] <- found$coefficients[1] - sum(centre * found$coefficients[-1])
  c(list(label = label, outcome = outcome, x = unname(x)), found)
}
o <- read_data("ovarian"); v <- read_data("veteran")[1:40, ]; h <- rows(read_data("ties_heavy"), "id>1960", "x1")
sep <- !(o$rx == 2 & o$fustat == 1)
write_reference("firth", list(
  cox = list(
    cox("ovarian", o$futime, o$fustat, cbind(o$age / 10, o$rx)),
    cox("ovarian, no event in an arm", o$futime[sep], o$fustat[sep], cbind(o$age[sep] / 10, o$rx[sep])),
    cox("veteran", v$time, v$status, cbind(v$karno / 10, v$age / 10)),
    cox("ties, truncated, stratified", h$time, h$event, cbind(h$x1, h$x2), h$entry, h$site),
    cox("one term, ties", h$time, h$event, cbind(h$x1))),
  logistic = list(
    logistic("ovarian", o$fustat, cbind(o$age / 10, o$rx)),
    logistic("separated", as.numeric(o$age[1:20] > 56), cbind(o$age[1:20] / 10, o$rx[1:20])),
    logistic("quasi-separated", o$fustat[sep], cbind(o$age[sep] / 10, o$rx[sep])))))
