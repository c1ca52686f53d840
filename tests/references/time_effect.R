source("common.R")
suppressMessages(library(splines))
tight <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100)
exact <- function(x) as.numeric(x)

# Weighted influence of each patient on the arm's curve (rows patients, columns times), from survfit.
arm_fit <- function(d) {
  fit <- survfit(Surv(time, event) ~ 1, data = d, weights = w, id = id, robust = TRUE, influence = 1)
  list(time = fit$time, surv = fit$surv, influence = fit$influence.surv)
}
stepped <- function(time, values, at, before) {
  j <- findInterval(at, time)
  if (j == 0) before else if (is.matrix(values)) values[, j] else values[j]
}
# area under the curve, and under each patient's influence, up to tau
area <- function(fit, tau) {
  inside <- fit$time < tau
  width <- diff(c(fit$time[inside], tau))
  list(mean = min(fit$time[inside], tau) + sum(fit$surv[inside] * width),
       influence = drop(fit$influence[, inside, drop = FALSE] %*% width))
}
clustered <- function(score, cluster) sum(rowsum(score, cluster)^2)

contrast <- function(d, value, influence) {
  arm <- d$treated == 1
  score <- ifelse(arm, 1, -1) * influence
  logged <- score / ifelse(arm, value[1], value[2])
  list(values = value, errors = sqrt(c(clustered(score[arm], d$cluster[arm]), clustered(score[!arm], d$cluster[!arm]))),
       difference = value[1] - value[2], difference_se = sqrt(clustered(score, d$cluster)),
       log_ratio = log(value[1] / value[2]), log_ratio_se = sqrt(clustered(logged, d$cluster)))
}
jackknifed <- function(d, taus, times) {
  d$id <- seq_len(nrow(d))
  fits <- lapply(c(1, 0), function(a) arm_fit(d[d$treated == a, ]))
  both <- function(values) {
    out <- numeric(nrow(d)); out[d$treated == 1] <- values[[1]]; out[d$treated == 0] <- values[[2]]; out
  }
  means <- lapply(taus, function(tau) {
    areas <- lapply(fits, area, tau = tau)
    c(list(tau = tau), contrast(d, sapply(areas, `[[`, "mean"), both(lapply(areas, `[[`, "influence"))))
  })
  gaps <- lapply(times, function(at) {
    s <- sapply(fits, function(f) stepped(f$time, f$surv, at, 1))
    moved <- both(lapply(fits, function(f) stepped(f$time, f$influence, at, 0)))
    found <- contrast(d, s, moved)
    scaled <- ifelse(d$treated == 1, 1, -1) * moved / (both(as.list(s)) * log(both(as.list(s))))
    gap <- diff(rev(log(-log(s))))
    c(list(at = at), found, log_log_z = gap / sqrt(clustered(scaled, d$cluster)))
  })
  list(means = means, gaps = gaps)
}
greenwood <- function(d, times) lapply(times, function(at) {
  s <- summary(survfit(Surv(time, event) ~ treated, data = d), times = at, extend = TRUE)
  logs <- log(s$surv); error <- s$std.err
  list(at = at, values = rev(s$surv), errors = rev(error), difference = s$surv[2] - s$surv[1],
       difference_se = sqrt(sum(error^2)), log_ratio = logs[2] - logs[1], log_ratio_se = sqrt(sum((error / s$surv)^2)),
       log_log_z = diff(log(-logs)) / sqrt(sum((error / (s$surv * logs))^2)))
})

# One interval at a time, and all of them by survSplit, must agree; the first has room for events at time 0.
pieces <- function(d, cuts, ties, robust) {
  d$id <- seq_len(nrow(d))
  long <- survSplit(Surv(time, event) ~ ., data = d, cut = cuts, episode = "piece", start = "tstart", zero = -1)
  k <- length(cuts) + 1
  long$arms <- sapply(seq_len(k), function(i) long$treated * (long$piece == i))
  unit <- if (is.null(d$given)) long$id else long$given
  fit <- if (robust) coxph(Surv(tstart, time, event) ~ arms + strata(piece), data = long, weights = w, cluster = unit,
                           ties = ties, control = tight)
         else coxph(Surv(tstart, time, event) ~ arms + strata(piece), data = long, ties = ties, control = tight)
  m <- diff(diag(k)); b <- coef(fit)
  z <- m %*% b
  chi <- drop(t(z) %*% solve(m %*% vcov(fit) %*% t(m), z))
  by <- function(v, a) sapply(seq_len(k), function(i) sum(v[long$piece == i & long$treated == a]))
  list(cuts = cuts, ties = ties, log_hazard_ratio = exact(b), std_error = exact(sqrt(diag(vcov(fit)))),
       chi_squared = chi, df = k - 1, p_value = pchisq(chi, k - 1, lower.tail = FALSE),
       at_risk = list(by(rep(1, nrow(long)), 1), by(rep(1, nrow(long)), 0)),
       events = list(by(long$event, 1), by(long$event, 0)))
}

landmarks <- function(d, times, robust) lapply(times, function(at) {
  kept <- d[d$time > at, ]
  kept$time <- kept$time - at
  fit <- if (robust) coxph(Surv(time, event) ~ treated, data = kept, weights = w, cluster = cluster, control = tight)
         else coxph(Surv(time, event) ~ treated, data = kept, control = tight)
  truncated <- coxph(Surv(rep(at, nrow(kept)), time + at, event) ~ treated, data = kept, control = tight)
  km <- survfit(Surv(time, event) ~ 1, data = kept)
  list(at = at, n = nrow(kept), events = sum(kept$event), coefficient = exact(coef(fit)),
       std_error = exact(sqrt(diag(vcov(fit)))), truncated = exact(coef(truncated)),
       log_rank = survdiff(Surv(time, event) ~ treated, data = kept)$chisq, median = exact(quantile(km, 0.5)$quantile))
})

smooth <- function(d) {
  fit <- coxph(Surv(time, event) ~ treated + x, data = d, weights = w, control = tight)
  z <- cox.zph(fit, terms = FALSE)
  basis <- ns(z$x, df = 4, intercept = TRUE)
  at <- seq(min(z$x), max(z$x), length = 40)
  m <- lm.fit(basis, z$y[, 1])
  p <- predict(basis, at)
  list(value = exact(z$y[, 1]), scale = exact(z$x), variance = z$var[1, 1], smooth = exact(p %*% coef(m)),
       smooth_se = sqrt(z$var[1, 1] * rowSums((p %*% solve(crossprod(basis))) * p)))
}

case <- function(label, data, time, event, treated, x, taus, times, cuts, weight = NULL, cluster = NULL, ties = "efron") {
  needed <- c(time, event, x, weight, cluster)
  raw <- rows(read_data(data), NULL, needed)
  d <- data.frame(time = raw[[time]], event = as.numeric(if (data == "lung") raw[[event]] == 2 else raw[[event]] == 1),
                  treated = as.numeric(column(raw, treated)), x = raw[[x]], w = 1, cluster = seq_len(nrow(raw)))
  if (!is.null(weight)) d$w <- as.numeric(raw[[weight]])
  if (!is.null(cluster)) { d$cluster <- raw[[cluster]]; d$given <- raw[[cluster]] }
  robust <- !is.null(weight) || !is.null(cluster)
  found <- if (robust) jackknifed(d, taus, times) else list(gaps = greenwood(d, times))
  c(list(label = label, data = data, time = time, event = event, treated = treated, x = x, weight = weight,
         cluster = cluster), found,
    list(pieces = lapply(c("efron", "breslow"), function(ties) pieces(d, cuts, ties, robust)),
         landmarks = landmarks(d, times, robust), schoenfeld = smooth(d)))
}
veteran <- function(label, ...) case(label, "veteran", "time", "status", "trt=2", "karno", taus = c(50, 100.5, 400, 553),
                                     times = c(30, 90, 200), cuts = c(30, 100, 180), ...)
tied <- function(label, ...) case(label, "ties_heavy", "time", "event", "arm=A", "x1", taus = c(2.5, 12, 40),
                                  times = c(3, 12, 30), cuts = c(5, 20), ...)
write_reference("time_effect", list(cases = list(
  veteran("veteran"),
  veteran("veteran clustered", cluster = "age"),
  veteran("veteran weighted", weight = "diagtime"),
  veteran("veteran weighted and clustered", weight = "diagtime", cluster = "age"),
  tied("ties_heavy"),
  tied("ties_heavy weighted and clustered", weight = "weight", cluster = "pair"),
  case("lung", "lung", "time", "status", "sex=2", "age", c(365), c(180, 365), c(200), cluster = "inst"))))
