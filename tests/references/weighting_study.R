source("common.R")
# Rotterdam, node-positive patients: every analysis of the example under propensity weights, by survival's weighted fits.
d <- read.csv(file.path("..", "..", "examples", "rotterdam", "rotterdam.csv"), check.names = FALSE)
d <- d[d$nodes > 0, ]
d$agec <- cut(d$age, c(-Inf, 50, 65, Inf), right = FALSE)
a <- d$hormon == 1
p <- unname(fitted(glm(a ~ year + age + nodes + factor(size, levels = c("<=20", "20-50", ">50")) + meno, binomial,
                       data = d, control = glm.control(epsilon = 1e-14, maxit = 100))))
p <- round(p, 10)
ess <- function(w) sum(w)^2 / sum(w^2)
# The score test of Grambsch and Therneau: the model's, and with the sum of squares of the weighted shares of the score.
constancy <- function(w) {
  tight <- coxph.control(eps = 1e-14, iter.max = 100)
  fit <- coxph(Surv(dtime, death) ~ a, d, weights = w, robust = FALSE, control = tight, model = TRUE)
  km <- survfit(Surv(dtime, death) ~ 1, d)
  x <- data.frame(dtime = d$dtime, death = d$death, a = as.numeric(a), w = w, row = seq_along(a))
  s <- survSplit(Surv(dtime, death) ~ ., x, cut = sort(unique(d$dtime[d$death == 1])), start = "from")
  s$g <- 1 - stepfun(km$time, c(1, km$surv))(s$dtime - 1e-6)
  s$g <- s$g - weighted.mean(s$g[s$death == 1], s$w[s$death == 1])
  s$ag <- s$a * s$g
  at <- coxph(Surv(from, dtime, death) ~ a + ag, s, weights = s$w, init = c(coef(fit), 0), robust = FALSE,
              control = coxph.control(iter.max = 0))
  shares <- residuals(at, "score", weighted = TRUE, collapse = s$row)
  information <- solve(at$var)
  psi <- shares[, 2] - shares[, 1] * information[2, 1] / information[1, 1]
  c(sum(shares[, 2])^2 / sum(psi^2), cox.zph(fit)$table[1, "chisq"])
}
one <- function(w) {
  fit <- coxph(Surv(dtime, death) ~ a, d, weights = w, robust = TRUE, control = coxph.control(eps = 1e-14, iter.max = 100))
  score <- coxph(Surv(dtime, death) ~ a, d, weights = w, robust = TRUE, ties = "breslow",
                 control = coxph.control(eps = 1e-14, iter.max = 100))
  km <- survfit(Surv(dtime, death) ~ a, d, weights = w, robust = TRUE, conf.type = "log-log")
  at <- summary(km, times = 1826.25)
  young <- d$age < 50
  sub <- coxph(Surv(dtime, death) ~ a, d, weights = w, robust = TRUE, subset = young,
               control = coxph.control(eps = 1e-14, iter.max = 100))
  s <- function(v) (weighted.mean(v[a], w[a]) - weighted.mean(v[!a], w[!a])) / sqrt((var(v[a]) + var(v[!a])) / 2)
  list(coefficient = unname(coef(fit)), robust_se = sqrt(fit$var[1]), log_rank = unname(score$rscore),
       median = unname(quantile(km, 0.5)$quantile[, 1]), survival = at$surv, lower = at$lower, upper = at$upper,
       at_risk = c(summary(km, times = 365)$n.risk), ess = c(ess(w[a]), ess(w[!a])), smd_age = s(d$age),
       constancy = constancy(w), young = c(unname(coef(sub)), sqrt(sub$var[1])))
}
w <- list(ATE = ifelse(a, mean(a) / p, mean(!a) / (1 - p)), ATT = ifelse(a, 1, p / (1 - p)),
          ATC = ifelse(a, (1 - p) / p, 1), ATO = ifelse(a, 1 - p, p))
q <- quantile(w$ATE, c(.01, .99))
w$cut <- pmin(pmax(w$ATE, q[1]), q[2])
# Response at three years (dead by then or not) as weighted proportions: HC0 of the weighted least squares.
y <- as.numeric(d$dtime < 1096 & d$death == 1)
prop <- function(w) {
  x <- cbind(1, a); fit <- lm.wfit(x, y, w); b <- solve(crossprod(x, x * w))
  v <- b %*% crossprod(x * (w * fit$residuals)) %*% b
  list(shares = c(sum(fit$coefficients), fit$coefficients[[1]]), difference = unname(fit$coefficients[2]), se = sqrt(v[2, 2]))
}
write_reference("weighting_study", list(cases = lapply(w, one), outcome = y, treated = as.numeric(a), weight = w$ATO,
                                        proportions = prop(w$ATO)))
