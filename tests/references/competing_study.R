# A whole study with competing events: mgus2, progression against death without it, men against women. The pairs are
# those of the protocol's matching (competing_study_pairs.csv); a test compares them with the study's own.
source("common.R"); suppressMessages(library(cmprsk))
versions <- function() c(software(), list(cmprsk = as.character(packageVersion("cmprsk"))))

d <- read_data("mgus2")
d <- d[complete.cases(d[, c("age", "hgb", "mspike")]), ]
d$time <- d$ptime * 30.4375
d$time <- round(d$time)
d$cause <- ifelse(d$pstat == 1, 1, ifelse(d$death == 1, 2, 0))
d$men <- as.numeric(d$sex == "M")
landmarks <- round(c(60, 120, 240) * 30.4375)
z <- qnorm(0.975)
exact <- coxph.control(eps = 1e-12, toler.chol = 1e-13)

loglog <- function(f, se) {
  shift <- z * se / (f * log(f))
  list(est = I(f), lower = I(f^exp(-shift)), upper = I(f^exp(shift)))
}

curves <- function(d, w = NULL) {
  lapply(list(all = d, men = d[d$men == 1, ], women = d[d$men == 0, ]), function(x) {
    lapply(1:2, function(k) {
      if (is.null(w)) {
        fit <- cuminc(x$time, x$cause)[[paste("1", k)]]
        last <- sapply(landmarks, function(t) max(which(fit$time <= t)))
        return(loglog(fit$est[last], sqrt(fit$var[last])))
      }
      s <- summary(survfit(Surv(time, factor(cause, 0:2)) ~ 1, data = x, weights = x$w), times = landmarks)
      loglog(s$pstate[, k + 1], s$std.err[, k + 1])
    })
  })
}

gray <- function(d) lapply(1:2, function(k) unname(cuminc(d$time, d$cause, d$men)$Tests[k, c("stat", "pv")]))

crr_exact <- function(d, k) {
  x <- cbind(d$men)
  fit <- crr(d$time, d$cause, x, failcode = k)
  for (i in 1:3) fit <- crr(d$time, d$cause, x, failcode = k, init = fit$coef + solve(fit$inf, fit$score))
  fit
}

# Fine and Gray's score contributions eta + psi of one binary covariate, patient by patient, as cmprsk sums them up
influence <- function(d, k, beta) {
  t <- d$time; x <- d$men; own <- d$cause == k; other <- d$cause != 0 & !own; ended <- d$cause == 0
  u <- sort(unique(t))
  Y <- sapply(u, function(s) sum(t >= s)); cens <- sapply(u, function(s) sum(ended & t == s))
  before <- c(1, head(cumprod(1 - cens / Y), -1))          # G(t-)
  G <- function(s) before[match(s, u)]
  s <- sort(unique(t[own])); h <- exp(beta * x)
  w <- sapply(s, function(at) ifelse(t >= at, 1, ifelse(other, G(at) / G(t), 0)))
  s0 <- colSums(w * h); mean <- colSums(w * h * x) / s0
  rise <- sapply(s, function(at) sum(own & t == at)) / s0
  moved <- w * outer(h, rise)                               # compensator increments
  apart <- outer(x, mean, "-")
  eta <- rowSums(apart * -moved) + ifelse(own, (x - mean[match(t, s)]), 0)
  q <- sapply(u, function(at) sum((apart * moved)[other & t < at, s >= at]))
  lost <- cumsum(q * cens / Y^2)
  psi <- ifelse(ended, (q / Y)[match(t, u)], 0) - lost[match(t, u)]
  eta + psi
}

fine_gray <- function(d) lapply(1:2, function(k) {
  fit <- crr_exact(d, k)
  u <- influence(d, k, fit$coef)
  stopifnot(abs(fit$invinf^2 * sum(u^2) / fit$var - 1) < 1e-9)
  variance <- if (is.null(d$pair)) fit$var else fit$invinf^2 * sum(tapply(u, d$pair, sum)^2)
  c(unname(fit$coef), sqrt(drop(variance)))
})

weighted_fine_gray <- function(d) lapply(1:2, function(k) {
  long <- d; long$cause <- factor(d$cause, 0:2, c("none", "one", "two"))
  fg <- finegray(Surv(time, cause) ~ ., data = long, etype = c("one", "two")[k], id = id)
  fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ men, fg, weights = fg$fgwt * fg$w, control = exact, cluster = id)
  c(unname(coef(fit)), sqrt(fit$var[1]))
})

cox <- function(d, paired = FALSE, weighted = FALSE) {
  f <- Surv(time, cause == 1) ~ men
  fit <- if (paired) coxph(f, d, control = exact, cluster = pair)
         else if (weighted) coxph(f, d, control = exact, weights = w, robust = TRUE)
         else coxph(f, d, control = exact)
  c(unname(coef(fit)), sqrt(fit$var[1]))
}

counts <- function(d) lapply(list(all = d, men = d[d$men == 1, ], women = d[d$men == 0, ]),
                             function(x) c(nrow(x), sum(x$cause == 1), sum(x$cause == 2)))

follow_up <- function(d) sapply(c(1, 0), function(a)
  unname(summary(survfit(Surv(time, cause == 0) ~ 1, d[d$men == a, ]))$table["median"]))

pairs <- read.csv("competing_study_pairs.csv")
m <- merge(d, pairs, by = "id"); m <- m[order(m$id), ]
score <- glm(men ~ I(age >= 65) + hgb + mspike, binomial, d, control = list(epsilon = 1e-14, maxit = 50))
d$w <- ifelse(d$men == 1, mean(d$men) / fitted(score), mean(1 - d$men) / (1 - fitted(score)))

write_json(list(
  software = versions(), landmarks = I(landmarks),
  unadjusted = list(counts = counts(d), incidence = curves(d), gray = gray(d), fine_gray = fine_gray(d), cox = cox(d),
                    follow_up = follow_up(d)),
  matched = list(counts = counts(m), incidence = curves(m), gray = gray(m), fine_gray = fine_gray(m),
                 cox = cox(m, paired = TRUE)),
  weighted = list(counts = counts(d), incidence = curves(d, TRUE), fine_gray = weighted_fine_gray(d),
                  cox = cox(d, weighted = TRUE))
), "competing_study.json", auto_unbox = TRUE, digits = NA, pretty = TRUE)
