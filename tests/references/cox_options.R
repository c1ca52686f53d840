source("common.R")
# Exact ties and an offset as a protocol asks for them: veteran, follow-up in fortnights so that many times are tied.
d <- read_data("veteran")
d$days <- d$time %/% 14 + 1
d$test <- as.numeric(d$trt == 2)
d$risk <- (d$age - 60) / 50
d$cell <- factor(d$celltype, levels = c("squamous", "smallcell", "adeno", "large"))
control <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 100)
row <- function(fit, k = 1) list(coefficient = unname(coef(fit)[k]), se = sqrt(diag(as.matrix(fit$var))[k]))
zph <- function(fit) { z <- cox.zph(fit)$table; list(arm = unname(z[1, c("chisq", "p")]), all = unname(z[nrow(z), c("chisq", "p")])) }

models <- function(ties, offset) {
  o <- if (offset) d$risk else 0 * d$risk
  d$o <- o
  cox <- function(f, data = d) coxph(f, data, ties = ties, control = control, model = TRUE)
  out <- list(
    unadjusted = row(cox(Surv(days, status) ~ test + offset(o))),
    multivariable = lapply(1:3, function(k) row(cox(Surv(days, status) ~ test + karno + prior + offset(o)), k)),
    stratified = row(cox(Surv(days, status) ~ test + strata(cell) + offset(o))),
    centres = lapply(levels(d$cell), function(l) row(cox(Surv(days, status) ~ test + offset(o), d[d$cell == l, ]))),
    prognostic = row(cox(Surv(days, status) ~ cell + offset(o), d), 1),
    global = {f <- cox(Surv(days, status) ~ cell + offset(o), d); c(f$wald.test)}
  )
  late <- d[d$days > 4, ]; late$days <- late$days - 4
  out$landmark <- row(cox(Surv(days, status) ~ test + offset(o), late))
  # the intervals are strata, so that each can be fitted alone (coxph has no fast exact form with entry)
  early <- transform(d, status = ifelse(days <= 6, status, 0), days = pmin(days, 6))
  pieces <- list(cox(Surv(days, status) ~ test + offset(o), early), cox(Surv(days, status) ~ test + offset(o), d[d$days > 6, ]))
  gap <- coef(pieces[[2]]) - coef(pieces[[1]])
  out$piecewise <- list(first = row(pieces[[1]]), second = row(pieces[[2]]), equality = unname(gap^2 / (pieces[[1]]$var[1] + pieces[[2]]$var[1])))
  out$landmark_model <- row(cox(Surv(days, status) ~ test + karno + prior + offset(o), late))
  if (ties != "exact") {  # covariates with one coefficient for both intervals: no strata of their own
    s <- survSplit(Surv(days, status) ~ ., d, cut = 6, episode = "piece", start = "from")
    s$a1 <- s$test * (s$piece == 1); s$a2 <- s$test * (s$piece == 2)
    f <- cox(Surv(from, days, status) ~ a1 + a2 + karno + prior + strata(piece) + offset(o), s)
    gap <- diff(coef(f)[1:2])
    out$piecewise_model <- list(first = row(f, 1), second = row(f, 2), events = as.vector(table(s$piece[s$status == 1])),
                                equality = unname(gap^2 / (f$var[1, 1] + f$var[2, 2] - 2 * f$var[1, 2])))
  }
  inter <- cox(Surv(days, status) ~ test * prior + offset(o)); less <- cox(Surv(days, status) ~ test + prior + offset(o))
  out$interaction <- 2 * (inter$loglik[2] - less$loglik[2])
  if (ties != "exact") out$zph <- zph(cox(Surv(days, status) ~ test + karno + prior + offset(o)))
  out
}

# The g-formula of a Cox model with an offset: Breslow's or Efron's baseline, each patient's own offset. The standard error
# is the infinitesimal jackknife by central differences of one patient's weight (refitted to convergence each time).
gformula <- function(at, w = rep(1, nrow(d))) {
  d$w <- w
  fit <- coxph(Surv(days, status) ~ test + karno + prior + offset(risk), d, weights = w, ties = "breslow", control = control)
  death <- sort(unique(d$days[d$status == 1])); death <- death[death <= at]
  eta <- drop(as.matrix(d[, c("test", "karno", "prior")]) %*% coef(fit)) + d$risk
  H <- sum(sapply(death, function(t) sum(w[d$days == t & d$status == 1]) / sum((w * exp(eta))[d$days >= t])))
  s <- sapply(1:0, function(a) { e <- eta + (a - d$test) * coef(fit)[1]; weighted.mean(exp(-H * exp(e)), w) })
  c(s, s[1] - s[2])
}
jackknife <- function(at) {
  n <- nrow(d); h <- 1e-4
  moved <- sapply(1:n, function(i) { w <- rep(1, n); w[i] <- 1 + h; up <- gformula(at, w); w[i] <- 1 - h; (up - gformula(at, w)) / (2 * h) })
  sqrt(rowSums(moved^2))
}

# Firth's penalty with an offset: R's optimiser on the penalised partial likelihood (no event among the treated after a cut).
firth <- function() {
  x <- data.frame(t = d$days, s = as.numeric(d$status == 1 & d$test == 0), a = d$test, o = d$risk)[1:90, ]
  high <- function(b) {
    f <- coxph(Surv(t, s) ~ a + offset(o), x, ties = "breslow", init = b, control = coxph.control(iter.max = 0))
    f$loglik[2] + log(1 / f$var[1]) / 2
  }
  found <- optimize(high, c(-12, 4), maximum = TRUE, tol = 1e-12)
  drop <- function(b) high(b) - found$objective + qchisq(0.95, 1) / 2
  upper <- uniroot(drop, c(found$maximum, 4), tol = 1e-12)$root
  lower <- uniroot(drop, c(-40, found$maximum), tol = 1e-12)$root
  list(rows = 90, coefficient = found$maximum, lower = lower, upper = upper, likelihood_ratio = 2 * (found$objective - high(0)))
}

write_reference("cox_options", list(
  exact = models("exact", FALSE), exact_offset = models("exact", TRUE), efron_offset = models("efron", TRUE),
  efron_zph = zph(coxph(Surv(days, status) ~ test + karno + prior, d, ties = "efron", control = control)),
  standardised = list(at = 7, survival = gformula(7), se = jackknife(7)), firth = firth()))
