source("common.R")
# Pairs (both, first only, second only, neither): binom.test, and the sandwich clustered by pair, written out (HC0, no
# factor for few clusters), around lm and glm. Tables (x1, n1, x0, n0): chisq.test with correction, glm's Wald interval.
clustered <- function(x, residual, pair, bread) {
  scores <- rowsum(x * residual, pair)
  sqrt((bread %*% crossprod(scores) %*% bread)[2, 2])
}

paired <- function(counts) {
  n <- sum(counts)
  y <- c(rep(c(1, 1, 0, 0), counts), rep(c(1, 0, 1, 0), counts))
  arm <- rep(1:0, each = n); pair <- rep(1:n, 2); x <- cbind(1, arm)
  linear <- lm(y ~ arm)
  logit <- glm(y ~ arm, family = binomial, control = glm.control(epsilon = 1e-15, maxit = 100))
  v <- fitted(logit) * (1 - fitted(logit))
  finite <- all(table(arm, factor(y, 0:1)) > 0)
  discordant <- counts[2] + counts[3]
  list(counts = counts, difference = unname(coef(linear)[2]),
       difference_se = clustered(x, residuals(linear), pair, solve(crossprod(x))),
       log_odds_ratio = if (finite) unname(coef(logit)[2]),
       log_odds_ratio_se = if (finite) clustered(x, y - fitted(logit), pair, solve(crossprod(x * sqrt(v)))),
       p_value = if (discordant) binom.test(counts[2], discordant)$p.value else 1)
}

table_of <- function(counts) {
  yes <- counts[c(1, 3)]; no <- counts[c(2, 4)] - yes
  test <- suppressWarnings(chisq.test(rbind(yes, no), correct = TRUE))
  fit <- glm(cbind(yes, no) ~ c(1, 0), family = binomial, control = glm.control(epsilon = 1e-15))
  list(counts = counts, yates = unname(test$statistic), p_value = test$p.value,
       odds_ratio = if (min(yes, no) > 0) unname(exp(c(coef(fit)[2], confint.default(fit)[2, ]))))
}

write_reference("two_by_two", list(
  pairs = lapply(list(c(10, 3, 7, 20), c(30, 12, 12, 21), c(1, 1, 1, 1), c(0, 6, 1, 0), c(5, 0, 4, 2), c(0, 5, 0, 3),
                      c(40, 1, 0, 30), c(7, 9, 2, 1)), paired),
  tables = lapply(list(c(12, 40, 20, 44), c(30, 60, 20, 61), c(7, 12, 7, 12), c(0, 15, 6, 15), c(15, 15, 9, 20),
                       c(1, 30, 29, 31), c(55, 118, 31, 93)), table_of)))
