source("common.R")
# Standardised and doubly robust survival with many tied times, where riskRegression 2022.11.28 is not followed: its standard
# errors of the g-formula are not those of the jackknife then, and its augmented estimate can go far above 1.
# The standard errors are those of the infinitesimal jackknife, by central differences of coxph in each patient's weight;
# the augmented estimate is the formula of docs/methods/augmented-survival.md, patient by patient.
d <- read_data("ties_heavy")
d <- d[complete.cases(d[, c("time", "event", "arm", "x1", "x2")]), ]
d <- d[seq_len(min(nrow(d), 150)), ]
d$A <- as.numeric(d$arm == "A"); n <- nrow(d); times <- c(3, 12)
tight <- coxph.control(eps = 1e-13, iter.max = 100, toler.chol = 1e-14)
x <- cbind(A = d$A, x1 = d$x1, x2 = d$x2)
hazard_at <- function(fit, t, before = FALSE) {
  h <- basehaz(fit, centered = FALSE); j <- which(if (before) h$time < t else h$time <= t)
  if (length(j)) h$hazard[max(j)] else 0
}
set <- function(arm) { z <- x; z[, "A"] <- arm; z }

standardised <- function(w) {
  fit <- coxph(Surv(d$time, d$event) ~ x, weights = w, control = tight)
  sapply(1:0, function(arm) {
    r <- exp(drop(set(arm) %*% coef(fit)))
    sapply(times, function(t) sum(w * exp(-hazard_at(fit, t) * r)) / sum(w))
  })
}
found <- standardised(rep(1, n)); h <- 1e-4
influence <- array(0, c(n, length(times), 2))
for (i in seq_len(n)) {
  up <- down <- rep(1, n); up[i] <- 1 + h; down[i] <- 1 - h
  influence[i, , ] <- (standardised(up) - standardised(down)) / (2 * h)
}
error <- function(u) sqrt(colSums(u^2))
g <- list(treated = found[, 1], comparator = found[, 2], treated_se = error(influence[, , 1]),
          comparator_se = error(influence[, , 2]), difference_se = error(influence[, , 1] - influence[, , 2]))

p <- unname(fitted(glm(A ~ x1 + x2, binomial, d, control = glm.control(epsilon = 1e-14, maxit = 100))))
event <- coxph(Surv(d$time, d$event) ~ x, control = tight)
lost <- coxph(Surv(d$time, 1 - d$event) ~ x, control = tight)
u <- sort(unique(d$time[d$event == 0]))
before <- sapply(u, function(s) hazard_at(lost, s, TRUE)); rise <- sapply(u, function(s) hazard_at(lost, s)) - before
at_u <- sapply(u, function(s) hazard_at(event, s))
augmented <- lapply(times, function(t) {
  values <- sapply(1:0, function(arm) {
    r <- exp(drop(set(arm) %*% coef(event))); k <- exp(drop(set(arm) %*% coef(lost)))
    up_to <- hazard_at(event, t); model <- exp(-up_to * r)
    seen <- sapply(seq_len(n), function(i) {
      end <- d$time[i]; free <- exp(-hazard_at(lost, end, TRUE) * k[i]); inside <- u <= min(t, end)
      1 - (end <= t && d$event[i] == 1) / free -
        (if (end <= t && d$event[i] == 0) (1 - exp(-(up_to - hazard_at(event, end)) * r[i])) / free else 0) +
        sum((1 - exp(-(up_to - at_u[inside]) * r[i])) * exp(before[inside] * k[i]) * rise[inside] * k[i])
    })
    model + (d$A == arm) / (if (arm == 1) p else 1 - p) * (seen - model)
  })
  gap <- values[, 1] - values[, 2]
  list(survival = colMeans(values), difference = mean(gap), difference_se = sqrt(sum((gap - mean(gap))^2)) / n)
})
write_reference("standardised_ties", list(times = times, time = d$time, event = d$event, covariates = unname(x), score = p,
                                          gformula = g, augmented = augmented))
