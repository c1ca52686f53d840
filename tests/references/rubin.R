source("common.R")
suppressMessages(library(mice))

scalar <- function(label, estimates, variances, complete_df) {
  p <- pool.scalar(estimates, variances, n = complete_df + 1, k = 1)
  half <- qt(0.975, p$df) * sqrt(p$t)
  list(label = label, estimates = estimates, variances = variances,
       complete_df = if (is.finite(complete_df)) complete_df else NULL,
       estimate = p$qbar, std_error = sqrt(p$t), lower = p$qbar - half, upper = p$qbar + half,
       p_value = 2 * pt(-abs(p$qbar) / sqrt(p$t), p$df), degrees_of_freedom = p$df,
       within = p$ubar, between = p$b, relative_increase = p$r, fraction_missing = p$fmi)
}

# Li, Meng, Raghunathan and Rubin (1991), written out: miceadds is not among Debian's packages
d2 <- function(statistics, k) {
  m <- length(statistics)
  r <- (1 + 1 / m) * var(sqrt(statistics))
  f <- (mean(statistics) / k - (m + 1) / (m - 1) * r) / (1 + r)
  v <- k^(-3 / m) * (m - 1) * (1 + 1 / r)^2
  list(statistics = statistics, degrees_of_freedom = k, statistic = f, denominator_df = v,
       relative_increase = r, p_value = pf(f, k, v, lower.tail = FALSE))
}

# the logit of a proportion, from one glm an imputation, pooled by mice
proportion <- function(events, n) {
  fits <- lapply(events, function(x) {
    glm(c(rep(1, x), rep(0, n - x)) ~ 1, family = binomial, control = glm.control(epsilon = 1e-15))
  })
  s <- summary(pool(as.mira(fits)), conf.int = TRUE)
  list(events = events, n = n, proportion = plogis(s$estimate), lower = plogis(s[["2.5 %"]]),
       upper = plogis(s[["97.5 %"]]), degrees_of_freedom = s$df)
}

# Three cell types of veteran stand for three imputations; every step is taken one time at a time.
curve <- function() {
  d <- read_data("veteran")
  fits <- lapply(c("squamous", "smallcell", "large"), function(cell) {
    survfit(Surv(time, status) ~ 1, data = d[d$celltype == cell, ])
  })
  last <- sapply(fits, function(f) if (tail(f$surv, 1) > 0) max(f$time) else Inf)
  times <- sort(unique(unlist(lapply(fits, function(f) f$time[f$n.event > 0]))))
  times <- times[times <= min(last)]
  rows <- t(sapply(times, function(at) {
    s <- sapply(fits, function(f) summary(f, times = at, extend = TRUE)$surv)
    u <- sapply(fits, function(f) c(0, f$std.err)[1 + sum(f$time <= at)])
    if (any(s == 1 | s == 0)) return(c(mean(s), NA, NA))
    p <- pool.scalar(log(-log(s)), (u / log(s))^2)
    exp(-exp(p$qbar + c(0, 1, -1) * qnorm(0.975) * sqrt(p$t)))
  }))
  list(time = times, survival = cummin(rows[, 1]), lower = rows[, 2], upper = rows[, 3])
}

write_reference("rubin", list(
  mice = as.character(packageVersion("mice")),
  numbers = list(
    scalar("five imputations", c(0.21, 0.35, 0.28, 0.19, 0.41), c(0.012, 0.011, 0.013, 0.012, 0.014), 120),
    scalar("few complete-data degrees of freedom", c(1.9, 2.4, 2.2), c(0.5, 0.6, 0.4), 7),
    scalar("infinite complete-data degrees of freedom", c(-0.4, -0.1, -0.6, -0.2), c(0.05, 0.04, 0.06, 0.05), Inf),
    scalar("mostly missing", c(-3, 4, 1, 9, -6, 2), c(0.2, 0.3, 0.1, 0.2, 0.4, 0.3), 200),
    scalar("two imputations", c(10, 11), c(4, 5), 33)),
  tests = list(d2(c(4.2, 5.1, 7.7, 3.9, 6.0), 1), d2(c(9.1, 12.4, 8.8), 4), d2(c(0.02, 3.9, 0.6, 1.1), 2),
               d2(c(40, 42, 41, 44), 3)),
  proportions = list(proportion(c(7, 8, 9, 8), 25), proportion(c(1, 3, 2), 40), proportion(c(199, 195, 198), 200)),
  curve = curve()))
