source("common.R")
# Effects in the matched sets of crossed_clusters.R, where patients stand in several sets: restricted means, survival at a
# time, intervals of follow-up, subdistribution hazards and the test of proportional hazards. Every variance is
# V(set) + V(patient) - V(set and patient) of the rows' influence, which is R's: residuals() of survfit and of coxph.
tight <- coxph.control(eps = 1e-13, toler.chol = 1e-15, iter.max = 100)
stored <- read_json("crossed_clusters.json", simplifyVector = TRUE)$studies
d <- read_data("lalonde")
d$time <- 1 + floor(d$re78 + 7 * d$age + d$re75) %% 997
d$event <- (floor(d$re78) + d$age) %% 3 != 0
d$cause <- ifelse(!d$event, 0, 1 + d$educ %% 2)

crossed <- function(moved, rows) {
  moved <- as.matrix(moved)
  squares <- function(labels) { s <- rowsum(moved, labels); t(s) %*% s }
  squares(rows$set) + squares(rows$patient) - squares(paste(rows$set, rows$patient))
}

of_curves <- function(rows, x, type, at) {
  x$w <- rows$weight; assign("x", x, globalenv())  # residuals() looks for the data there
  fit <- survfit(Surv(time, event) ~ treat, x, weights = w)
  moved <- drop(residuals(fit, times = at, type = type, weighted = TRUE))
  value <- if (type == "pstate") summary(fit, times = at)$surv else summary(fit, rmean = at)$table[, "rmean"]
  one <- x$treat == 1
  se <- function(a, b) sqrt(drop(crossed(ifelse(one, a, -b) * moved, rows)))
  list(arms = unname(rev(value)), arm_se = c(se(1, 0), se(0, 1)), difference = unname(value[2] - value[1]), se = se(1, 1),
       log_ratio = unname(log(value[2] / value[1])), log_se = se(1 / value[2], 1 / value[1]))
}

pieces <- function(rows, x, cut) {
  x$row <- seq_len(nrow(x)); x$w <- rows$weight
  s <- survSplit(Surv(time, event) ~ ., x, cut = cut, episode = "piece", start = "from")
  s$a1 <- s$treat * (s$piece == 1); s$a2 <- s$treat * (s$piece == 2)
  fit <- coxph(Surv(from, time, event) ~ a1 + a2 + strata(piece), s, weights = s$w, control = tight, robust = FALSE)
  v <- crossed(residuals(fit, "dfbeta", weighted = TRUE), rows[s$row, ])
  list(coefficients = unname(coef(fit)), covariance = unname(v),
       equality = unname(diff(coef(fit))^2 / (v[1, 1] + v[2, 2] - 2 * v[1, 2])))
}

# Each patient counts once in the chance of not being censored; its weighted time is then given to each of its rows.
fine_gray <- function(rows, x, k) {
  once <- x[!duplicated(rows$patient), ]
  once$id <- rows$patient[!duplicated(rows$patient)]
  once$what <- factor(once$cause, c(0, k, 3 - k))
  long <- finegray(Surv(time, what) ~ ., once, id = id, etype = k)
  rows$row <- seq_len(nrow(rows))
  both <- merge(rows, long, by.x = "patient", by.y = "id")
  fit <- coxph(Surv(fgstart, fgstop, fgstatus) ~ treat, both, weights = both$fgwt * both$weight, control = tight, robust = FALSE)
  moved <- residuals(fit, "dfbeta", weighted = TRUE)
  by_row <- tapply(moved, both$row, sum)
  list(coefficient = unname(coef(fit)), se = sqrt(drop(crossed(by_row, rows[as.integer(names(by_row)), ]))))
}

zph <- function(rows, x) {
  fit <- coxph(Surv(time, event) ~ treat + educ, x, weights = rows$weight, control = tight, robust = FALSE, model = TRUE)
  km <- survfit(Surv(time, event) ~ 1, x)
  x$row <- seq_len(nrow(x)); x$w <- rows$weight
  s <- survSplit(Surv(time, event) ~ ., x, cut = sort(unique(x$time[x$event])), start = "from")
  g <- 1 - stepfun(km$time, c(1, km$surv))(s$time - 1e-6)
  g <- g - weighted.mean(g[s$event == 1], s$w[s$event == 1])
  z <- as.matrix(s[, c("treat", "educ")])
  at <- coxph(Surv(s$from, s$time, s$event) ~ z + I(z * g), weights = s$w, init = c(coef(fit), 0, 0), robust = FALSE,
              control = coxph.control(iter.max = 0))
  shares <- residuals(at, "score", weighted = TRUE, collapse = s$row)
  information <- solve(at$var)
  psi <- shares %*% t(cbind(-information[3:4, 1:2] %*% solve(information[1:2, 1:2]), diag(2)))
  u <- colSums(shares)[3:4]
  test <- function(v) c(u^2 / diag(v), u %*% solve(v) %*% u)
  list(crossed = test(crossed(psi, rows)), by_set = test({s <- rowsum(psi, rows$set); t(s) %*% s}), alone = test(t(psi) %*% psi),
       own = unname(cox.zph(fit, terms = FALSE)$table[, "chisq"]))
}

study <- function(one) {
  rows <- data.frame(patient = one$patient, set = one$set, weight = one$weight)
  x <- d[match(rows$patient, d$id), c("time", "event", "cause", "treat", "educ")]
  list(label = one$label, restricted_mean = of_curves(rows, x, "rmst", 700), survival = of_curves(rows, x, "pstate", 400),
       piecewise = pieces(rows, x, 300), fine_gray = lapply(1:2, function(k) fine_gray(rows, x, k)), zph = zph(rows, x))
}
write_reference("crossed_effects", list(studies = lapply(seq_len(nrow(stored)), function(i) study(lapply(stored, `[[`, i)))))
