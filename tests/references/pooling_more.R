source("common.R")
suppressMessages({library(mice); library(cmprsk); library(metafor)})
# The matched sets of pooling.R's three imputations: restricted means, cumulative incidence, subdistribution hazards, Gray's
# tests and centres, each fitted by survival and cmprsk, pooled by mice, and over centres by metafor.
stored <- read_json("pooling.json", simplifyVector = TRUE)
p <- as.data.frame(stored$patients)
p$cause <- ifelse(p$event == 1, 1, ifelse(p$answered == 1, 2, 0))
p$site <- (seq_len(nrow(p)) - 1) %% 3
matched <- lapply(seq_along(stored$imputed$first), function(i) {
  first <- stored$imputed$first[[i]] + 1; second <- stored$imputed$second[[i]] + 1
  d <- p[c(first, second), ]; d$pair <- rep(seq_along(first), 2); rownames(d) <- NULL; d
})
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 100)
rubin <- function(q, u, df) {
  r <- pool.scalar(q, u, n = df + 1, k = 1); half <- qt(0.975, r$df) * sqrt(r$t)
  c(r$qbar, r$qbar - half, r$qbar + half, sqrt(r$t), 2 * pt(-abs(r$qbar) / sqrt(r$t), r$df), r$df)
}
over <- function(f) sapply(matched, f)
pairs <- over(function(d) max(d$pair))

# Restricted means up to 600 days: influences of survfit, summed within pairs.
areas <- lapply(matched, function(d) {
  d$one <- 1; assign("d", d, globalenv())
  fit <- survfit(Surv(time, event) ~ treated, d)
  moved <- drop(residuals(fit, times = 600, type = "rmst"))
  m <- summary(fit, rmean = 600)$table[, "rmean"]
  se <- function(a, b) sqrt(sum(rowsum(moved * ifelse(d$treated == 1, a, -b), d$pair)^2))
  c(m[2], se(1, 0), m[1], se(0, 1), m[2] - m[1], se(1, 1), log(m[2] / m[1]), se(1 / m[2], 1 / m[1]))
})
a <- do.call(cbind, areas)
restricted <- list(new = rubin(a[1, ], a[2, ]^2, min(pairs) - 1), old = rubin(a[3, ], a[4, ]^2, min(pairs) - 1),
                   gap = rubin(a[5, ], a[6, ]^2, min(pairs) - 1), ratio = rubin(a[7, ], a[8, ]^2, min(pairs) - 1))

# Incidence of both causes at 180 and 300 days in an arm, on log(-log(1 - F)).
incidence <- function(rows, k, at) {
  found <- sapply(matched, function(d) {
    d <- d[rows(d), ]; fit <- cuminc(d$time, d$cause)[[paste(1, k)]]
    last <- max(which(fit$time <= at)); c(fit$est[last], sqrt(fit$var[last]))
  })
  f <- found[1, ]; r <- pool.scalar(log(-log(1 - f)), (found[2, ] / ((1 - f) * log(1 - f)))^2)
  half <- qnorm(0.975) * sqrt(r$t)
  1 - exp(-exp(r$qbar + c(0, -half, half)))
}
arms <- list(all = function(d) TRUE | d$treated == 1, new = function(d) d$treated == 1, old = function(d) d$treated == 0)
curves <- lapply(arms, function(rows) lapply(1:2, function(k) lapply(c(180, 300), function(at) incidence(rows, k, at))))

# Fine and Gray as cmprsk has it, to convergence, clustered by pair: from the study of competing events.
source_lines <- readLines("competing_study.R")
start <- grep("^crr_exact", source_lines); end <- grep("^influence", source_lines)
eval(parse(text = source_lines[start:(end - 2)]))
closing <- which(source_lines == "}"); eval(parse(text = source_lines[end:min(closing[closing > end])]))
fine_gray <- lapply(1:2, function(k) {
  found <- sapply(matched, function(d) {
    d$men <- d$treated
    fit <- crr_exact(d, k); shares <- influence(d, k, fit$coef)
    c(fit$coef, sqrt(sum(rowsum(shares, d$pair)^2)) / drop(fit$inf))
  })
  rubin(found[1, ], found[2, ]^2, min(pairs) - 1)
})
d2 <- function(s, k) {
  r <- (1 + 1 / length(s)) * var(sqrt(s)); f <- (mean(s) / k - (length(s) + 1) / (length(s) - 1) * r) / (1 + r)
  pf(max(f, 0), k, k^(-3 / length(s)) * (length(s) - 1) * (1 + 1 / r)^2, lower.tail = FALSE)
}
gray <- sapply(1:2, function(k) d2(over(function(d) cuminc(d$time, d$cause, d$treated)$Tests[k, "stat"]), 1))

# Centres: a hazard ratio each, pooled over the imputations, and then over the centres.
one <- function(d) { f <- coxph(Surv(time, event) ~ treated, d, cluster = pair, control = tight); c(coef(f), sqrt(f$var[1]), length(unique(d$pair))) }
sites <- sapply(0:2, function(s) { f <- over(function(d) one(d[d$site == s, ])); rubin(f[1, ], f[2, ]^2, min(f[3, ]) - 1) })
strat <- over(function(d) { f <- coxph(Surv(time, event) ~ treated + strata(site), d, cluster = pair, control = tight); c(coef(f), sqrt(f$var[1])) })
fixed <- rma(sites[1, ], sei = sites[4, ], method = "FE")
random <- rma(sites[1, ], sei = sites[4, ], method = "REML", test = "knha", control = list(threshold = 1e-14, maxiter = 1000))
centres <- list(sites = sites, stratified = rubin(strat[1, ], strat[2, ]^2, min(pairs) - 1),
                fixed = c(fixed$beta, fixed$se), q = fixed$QE, tau_squared = random$tau2,
                random = c(random$beta, random$se), left_out = sapply(1:3, function(i) rma(sites[1, -i], sei = sites[4, -i], method = "REML")$beta))
write_reference("pooling_more", list(mice = as.character(packageVersion("mice")), restricted = restricted, curves = curves,
  fine_gray = fine_gray, gray = gray, centres = centres))
