# The constants of `twoarm selftest` with all their digits; hand-worked ones are compared with R's here.
source("common.R"); source("competing.R")
exact <- coxph.control(eps = 1e-12, iter.max = 100, toler.chol = 1e-13)
same <- function(found, by_hand) stopifnot(max(abs(found - by_hand)) < 1e-9)

cox_of <- function(f, d, ties = "efron", ...) {
  eval(substitute(coxph(f, d, ties = ties, control = exact, ...)), parent.frame())
}
likelihoods <- function(fit) list(null_log_likelihood = fit$loglik[1], log_likelihood = fit$loglik[2])
one_term <- function(fit) c(list(coefficient = unname(coef(fit)), std_error = sqrt(fit$var[1, 1])), likelihoods(fit),
  list(likelihood_ratio = 2 * diff(fit$loglik), score = fit$score))
named <- function(prefix, values) setNames(values, paste(prefix, names(values), sep = "_"))
at <- function(f, d, t, type = "log-log") {
  s <- summary(survfit(f, d, conf.type = type), times = t)
  list(survival = s$surv, std_error = s$std.err, lower = s$lower, upper = s$upper)
}
medians <- function(f, d, type) {
  q <- quantile(survfit(f, d, conf.type = type), .5)
  list(median = unname(q$quantile), lower = unname(q$lower), upper = unname(q$upper))
}
logrank_of <- function(f, d, rho = 0) {
  s <- survdiff(f, d, rho = rho)
  list(observed_1 = s$obs[1], observed_2 = s$obs[2], expected_1 = s$exp[1], expected_2 = s$exp[2], variance = s$var[1, 1],
       chi_squared = s$chisq, p_value = pchisq(s$chisq, length(s$n) - 1, lower.tail = FALSE))
}
rmst <- function(f, d, tau) {
  row <- summary(survfit(f, d), rmean = tau, extend = TRUE)$table
  list(mean = unname(row["rmean"]), std_error = unname(row["se(rmean)"]))
}
firth_cox <- function(time, status, x) {  # one term, Breslow ties: the root of the penalised score
  deaths <- which(status == 1)
  parts <- function(b) {
    m <- sapply(deaths, function(i) {
      r <- time >= time[i]; w <- exp(b * x[r]); w <- w / sum(w); e <- sum(w * x[r])
      c(x[i] - e, sum(w * (x[r] - e)^2), sum(w * (x[r] - e)^3), b * x[i] - log(sum(exp(b * x[r]))))
    })
    list(score = sum(m[1, ]), information = sum(m[2, ]), slope = sum(m[3, ]), height = sum(m[4, ]))
  }
  f <- function(b) { p <- parts(b); p$score + p$slope / p$information / 2 }
  b <- uniroot(f, c(-8, 8), tol = 1e-15, maxiter = 10000)$root
  height <- function(b) { p <- parts(b); p$height + log(p$information) / 2 }
  list(coefficient = b, log_likelihood = height(b), null_log_likelihood = height(0),
       likelihood_ratio = 2 * (height(b) - height(0)))
}

# --- six rows
t1 <- data.frame(time = c(1, 1, 6, 6, 8, 9), status = c(1, 0, 1, 1, 0, 1), x = c(1, 1, 1, 0, 0, 0))
b <- cox_of(Surv(time, status) ~ x, t1, "breslow"); e <- cox_of(Surv(time, status) ~ x, t1)
root <- sqrt(23 / 3)
by_hand <- c(breslow = log((3 + sqrt(33)) / 2), efron = log(2 * root * cos(acos(45 / 23 * sqrt(3 / 23)) / 3)))
same(c(coef(b), coef(e)), by_hand)
r <- exp(by_hand[["breslow"]])
same(b$loglik[2], 2 * by_hand[["breslow"]] - log(3 * r + 3) - 2 * log(r + 3)); same(b$score, 1.6)
T1 <- c(named("breslow", one_term(b)), named("efron", one_term(e)))
T1$breslow_coefficient <- by_hand[["breslow"]]; T1$efron_coefficient <- by_hand[["efron"]]; T1$breslow_score <- 1.6
T1$efron_robust_variance <- cox_of(Surv(time, status) ~ x, t1, cluster = 1:6)$var[1, 1]
T1 <- c(T1, setNames(as.list(residuals(b, "schoenfeld")[1:3]), paste0("breslow_schoenfeld_", 1:3)),
        setNames(as.list(residuals(e, "schoenfeld")[1:3]), paste0("efron_schoenfeld_", 1:3)))

# --- ten rows with late entry
t2 <- data.frame(start = c(1, 2, 5, 2, 1, 7, 3, 4, 8, 8), stop = c(2, 3, 6, 7, 8, 9, 9, 9, 14, 17),
                 event = c(1, 1, 1, 1, 1, 1, 1, 0, 0, 0), x = c(1, 0, 0, 1, 0, 1, 1, 1, 0, 0))
T2 <- unlist(lapply(c("breslow", "efron"), function(ties)
  named(ties, one_term(cox_of(Surv(start, stop, event) ~ x, t2, ties)))), recursive = FALSE)

# --- nine rows with weights
tw <- data.frame(time = c(1, 1, 2, 2, 2, 2, 3, 4, 5), status = c(1, 0, 1, 1, 1, 0, 0, 1, 0), x = c(2, 0, 1, 1, 0, 1, 0, 1, 0),
                 wt = c(1, 2, 3, 4, 3, 2, 1, 2, 1))
TW <- unlist(lapply(c("breslow", "efron"), function(ties) {
  fit <- cox_of(Surv(time, status) ~ x, tw, ties, weights = wt, cluster = 1:9)
  named(ties, c(list(coefficient = unname(coef(fit)), naive_variance = fit$naive.var[1, 1],
                     robust_variance = fit$var[1, 1]), likelihoods(fit)))
}), recursive = FALSE)
TW$frequency_coefficient <- unname(coef(cox_of(Surv(time, status) ~ x, tw[rep(1:9, tw$wt), ])))
k <- summary(survfit(Surv(time, status) ~ 1, tw, weights = wt, robust = FALSE), times = c(1, 2, 4))
TW <- c(TW, setNames(as.list(k$surv), paste0("survival_", c(1, 2, 4))),
        setNames(as.list(k$std.err / k$surv), paste0("log_std_error_", c(1, 2, 4))))
same(k$surv, c(18 / 19, 18 / 19 * 6 / 16, 18 / 19 * 6 / 16 / 3))
robust <- summary(survfit(Surv(time, status) ~ 1, tw, weights = wt, robust = TRUE), times = c(1, 2, 4))
TW <- c(TW, setNames(as.list(robust$std.err), paste0("robust_std_error_", c(1, 2, 4))))

# --- Freireich
mp <- c(6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35)
mp_event <- c(1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0)
control <- c(1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)
fr <- data.frame(time = c(mp, control), event = c(mp_event, rep(1, 21)), control = rep(0:1, each = 21))
one <- Surv(time, event) ~ 1; a <- fr[fr$control == 0, ]; z <- fr[fr$control == 1, ]
F <- c(named("km_6", at(one, a, 6)[1:2]), named("km_10", at(one, a, 10)), named("km_23", at(one, a, 23)[1:2]),
       named("control_km_8", at(one, z, 8)[1:2]))
same(c(F$km_6_survival, F$km_10_survival, F$km_23_survival, F$control_km_8_survival), c(6/7, 64/85, 6/7*16/17*14/15*11/12*10/11*6/7*5/6, 8/21))
for (type in c("log", "plain")) F <- c(F, named(paste0("km_10_", type), at(one, a, 10, type)[3:4]))
for (type in c("log", "log-log")) {
  F <- c(F, named(paste0("median_", sub("-", "", type)), medians(one, a, type)),
         named(paste0("control_median_", sub("-", "", type)), medians(one, z, type)))
}
F <- c(F, named("follow_up", medians(Surv(time, 1 - event) ~ 1, a, "log")),
       named("rmst", rmst(one, a, 20)), named("control_rmst", rmst(one, z, 20)),
       named("log_rank", logrank_of(Surv(time, event) ~ control, fr)),
       named("peto", logrank_of(Surv(time, event) ~ control, fr, 1)["chi_squared"]))
for (ties in c("breslow", "efron", "exact")) F <- c(F, named(ties, one_term(cox_of(Surv(time, event) ~ control, fr, ties))))
e <- cox_of(Surv(time, event) ~ control, fr)
F <- c(F, list(zph_km = cox.zph(e)$table[1, 1], zph_identity = cox.zph(e, "identity")$table[1, 1],
               concordance = unname(e$concordance["concordance"])), named("firth", firth_cox(fr$time, fr$event, fr$control)[1]))

# --- AML
am <- data.frame(time = c(9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161, 5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45),
                 event = c(1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1), not = rep(0:1, c(11, 12)))
a <- am[am$not == 0, ]; z <- am[am$not == 1, ]
A <- c(named("log_rank", logrank_of(Surv(time, event) ~ not, am)), named("rmst", rmst(one, a, 30)), named("not_rmst", rmst(one, z, 30)))
for (ties in c("efron", "breslow")) A <- c(A, named(ties, one_term(cox_of(Surv(time, event) ~ not, am, ties))[1:2]))
for (type in c("log", "log-log", "plain")) A <- c(A, named(paste0("median_", sub("-", "", type)), medians(one, a, type)),
  named(paste0("not_median_", sub("-", "", type)), medians(one, z, type)))
A <- c(A, setNames(as.list(quantile(survfit(one, a), c(.25, .75))$quantile), c("quartile_1", "quartile_3")),
       setNames(as.list(quantile(survfit(one, z), c(.25, .75))$quantile), c("not_quartile_1", "not_quartile_3")))

# --- ten rows of CAMIS; late entries; float ties
ca <- data.frame(time = c(54, 75, 77, 84, 87, 92, 103, 105, 112, 118), event = rep(1:0, each = 5))
C <- c(named("log", at(one, ca, 80, "log")), named("loglog", at(one, ca, 80)[3:4]))
x <- 1:30; days <- (as.Date("1996-10-21") + x + rep(1:10, 3)) - (as.Date("1993-03-10") + x)
years <- round(as.numeric(as.Date("1996-10-21") + x + rep(1:10, 3)) / 365.25, 15)
K <- list(coefficient = unname(coef(cox_of(Surv(as.numeric(days), rep(0:1, 15)) ~ x, NULL))))

# --- separation and Firth
s <- data.frame(time = 1:6, event = rep(1:0, each = 3), x = rep(1:0, each = 3))
S <- c(named("log_rank", logrank_of(Surv(time, event) ~ x, s)["chi_squared"]), named("firth", firth_cox(s$time, s$event, s$x)))
# logistic, y = 0 0 1 1, x = 1 to 4: by symmetry the intercept is -2.5 slopes
y <- c(0, 0, 1, 1); X <- cbind(1, 1:4)
f <- function(b) {
  p <- as.vector(plogis(X %*% c(-2.5 * b, b))); w <- p * (1 - p); h <- w * diag(X %*% solve(t(X) %*% (w * X)) %*% t(X))
  sum(X[, 2] * (y - p + h * (.5 - p)))
}
L <- list(slope = uniroot(f, c(.1, 5), tol = 1e-15, maxiter = 10000)$root); L$intercept <- -2.5 * L$slope
en <- read_data("endometrial"); X <- cbind(1, en$NV, en$PI, en$EH); b <- rep(0, 4)
modified <- function(b) {  # penalised score; steps by the information go on to the last bits
  p <- as.vector(plogis(X %*% b)); w <- p * (1 - p); I <- t(X) %*% (w * X); h <- w * rowSums((X %*% solve(I)) * X)
  list(score = t(X) %*% (en$HG - p + h * (.5 - p)), information = I)
}
for (i in 1:500) { m <- modified(b); b <- b + as.vector(solve(m$information, m$score)) }
stopifnot(max(abs(modified(b)$score)) < 1e-11)
E <- setNames(as.list(c(b, sqrt(diag(solve(modified(b)$information))))),
              c("intercept", "nv", "pi", "eh", paste0(c("intercept", "nv", "pi", "eh"), "_std_error")))

# --- competing causes
d <- fourteen
ci <- cuminc(d$time, d$cause); gray <- cuminc(d$time, d$cause, d$arm)$Tests
value <- function(cause, t) timepoints(ci, t)$est[cause, 1]
CR <- list(first_1 = value(1, 1), first_4 = value(1, 4), first_5 = value(1, 5), first_10 = value(1, 10), second_2 = value(2, 2),
           second_5 = value(2, 5), second_8 = value(2, 8), gray_1 = gray[1, 1], gray_2 = gray[2, 1], gray_1_p_value = gray[1, 2],
           gray_2_p_value = gray[2, 2])
same(unlist(CR[1:7]), c(1/14, 23/154, 19/77, 37/77, 1/14, 13/77, 2/7))
fit <- crr(d$time, d$cause, d$x)
for (i in 1:4) fit <- crr(d$time, d$cause, d$x, init = fit$coef + solve(fit$inf, fit$score))
CR$crr_coefficient <- unname(fit$coef); CR$crr_std_error <- sqrt(fit$var[1, 1])
w <- finegray(Surv(time, factor(cause, 0:2)) ~ x, data = data.frame(d, id = 1:14), etype = "1")
CR$finegray_coefficient <- unname(coef(coxph(Surv(fgstart, fgstop, fgstatus) ~ x, w, weights = fgwt, control = exact)))

# --- pairs
p <- data.frame(time = c(5, 8, 12, 3, 9, 4, 7, 10), event = c(1, 1, 0, 1, 1, 1, 0, 1), x = rep(1:0, 4), pair = rep(1:4, each = 2))
m <- cox_of(Surv(time, event) ~ x, p, cluster = pair); st <- cox_of(Surv(time, event) ~ x + strata(pair), p)
P <- list(coefficient = unname(coef(m)), naive_std_error = sqrt(m$naive.var[1, 1]), clustered_std_error = sqrt(m$var[1, 1]),
          stratified_coefficient = unname(coef(st)), stratified_std_error = sqrt(st$var[1, 1]))
same(P$stratified_coefficient, -log(2)); same(P$stratified_std_error, sqrt(1.5))
P$stratified_coefficient <- -log(2); P$stratified_std_error <- sqrt(1.5)
n <- data.frame(t = c(1, 3, 4, 7, 9, 10, 12, 15), s = c(1, 1, 0, 1, 1, 0, 1, 1), x = c(1, 0, 1, 0, 1, 1, 0, 0))
P$untied_log_rank <- survdiff(Surv(t, s) ~ x, n)$chisq; same(P$untied_log_rank, cox_of(Surv(t, s) ~ x, n)$score)

# --- ovarian: Cox, log-rank, weights
o <- ovarian
fit <- cox_of(Surv(futime, fustat) ~ age + rx, o)
ps <- glm((rx == 1) ~ age + resid.ds + ecog.ps, binomial, o, control = list(epsilon = 1e-15, maxit = 50))
o$w <- ifelse(o$rx == 1, 1 / fitted(ps), 1 / (1 - fitted(ps))); o$treated <- as.numeric(o$rx == 1); o$stable <- o$w / 2
iptw <- cox_of(Surv(futime, fustat) ~ treated, o, weights = w, robust = TRUE)
stable <- cox_of(Surv(futime, fustat) ~ treated, o, weights = stable, robust = TRUE)
X <- model.matrix(ps); pr <- fitted(ps)
O <- list(cox_age = unname(coef(fit)[1]), cox_rx = unname(coef(fit)[2]), cox_age_std_error = sqrt(fit$var[1, 1]),
          cox_rx_std_error = sqrt(fit$var[2, 2]), cox_log_likelihood = fit$loglik[2],
          log_rank = survdiff(Surv(futime, fustat) ~ rx, o)$chisq,
          stratified_log_rank = survdiff(Surv(futime, fustat) ~ rx + strata(resid.ds), o)$chisq,
          score_intercept = unname(coef(ps)[1]), score_age = unname(coef(ps)[2]), score_residual = unname(coef(ps)[3]),
          score_ecog = unname(coef(ps)[4]),
          score_age_std_error = sqrt(solve(t(X) %*% (pr * (1 - pr) * X))[2, 2]), score_deviance = deviance(ps),
          weighted_coefficient = unname(coef(iptw)), weighted_robust_std_error = sqrt(iptw$var[1, 1]),
          weighted_naive_std_error = sqrt(iptw$naive.var[1, 1]), stabilised_naive_std_error = sqrt(stable$naive.var[1, 1]))

# --- tables, ranks, proportions, Rubin, centres
tb <- matrix(c(12, 5, 7, 14), 2)
x <- c(1, 2, 2, 3, 5, 8); y <- c(2, 4, 4, 6, 9, 9, 10); u <- c(1, 3, 5, 7, 11); v <- c(2, 4, 6, 8, 10, 12)
B <- suppressWarnings(list(pearson = unname(chisq.test(tb, correct = FALSE)$statistic), pearson_p_value = chisq.test(tb, correct = FALSE)$p.value,
          yates = unname(chisq.test(tb)$statistic), yates_p_value = chisq.test(tb)$p.value, fisher_p_value = fisher.test(tb)$p.value,
          rank_sum = unname(wilcox.test(x, y)$statistic), rank_sum_p_value = wilcox.test(x, y)$p.value,
          rank_sum_exact_p_value = wilcox.test(u, v)$p.value,
          kruskal = unname(kruskal.test(c(x, y), rep(1:2, c(6, 7)))$statistic), kruskal_p_value = kruskal.test(c(x, y), rep(1:2, c(6, 7)))$p.value,
          welch_p_value = t.test(x, y)$p.value, student_p_value = t.test(x, y, var.equal = TRUE)$p.value,
          clopper_lower = binom.test(7, 25)$conf.int[1], clopper_upper = binom.test(7, 25)$conf.int[2],
          none_upper = 1 - .025^(1 / 20), all_lower = .025^(1 / 20), lower_quartile = unname(quantile(c(10, 20, 30, 40, 150, 160, 170, 180, 190, 200), .25))))
same(c(B$none_upper, B$all_lower), c(binom.test(0, 20)$conf.int[2], binom.test(20, 20)$conf.int[1]))
q <- qnorm(.975); pt <- 7 / 25  # Wilson's formula; prop.test agrees
B$wilson_lower <- (pt + q^2 / 50 - q * sqrt(pt * (1 - pt) / 25 + q^2 / 2500)) / (1 + q^2 / 25)
B$wilson_upper <- (pt + q^2 / 50 + q * sqrt(pt * (1 - pt) / 25 + q^2 / 2500)) / (1 + q^2 / 25)
same(c(B$wilson_lower, B$wilson_upper), suppressWarnings(prop.test(7, 25, correct = FALSE)$conf.int))
Q <- c(.50, .62, .41, .55, .47); U <- c(.040, .042, .039, .041, .040)
rubin <- mice::pool.scalar(Q, U, n = 100, k = 3); old <- mice::pool.scalar(Q, U)
R <- list(estimate = rubin$qbar, within = rubin$ubar, between = rubin$b, total = rubin$t, increase = rubin$r,
          degrees_of_freedom = rubin$df, degrees_of_freedom_large = 4 * (1 + 1 / rubin$r)^2, fraction_missing = rubin$fmi,
          fraction_missing_large = old$fmi)
same(unlist(R[1:4]), c(.51, .0404, .00635, .04802))
trials <- data.frame(tpos = c(4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27),
                     tneg = c(119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886),
                     cpos = c(11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29),
                     cneg = c(128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825))
bcg <- metafor::rma(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = trials, method = "REML",
                    control = list(threshold = 1e-14, maxiter = 10000))
M <- list(estimate = as.numeric(bcg$b), tau_squared = bcg$tau2, q = bcg$QE)
fixed <- metafor::rma(measure = "RR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = trials, method = "FE")
M$fixed_estimate <- as.numeric(fixed$b); M$fixed_std_error <- fixed$se

out <- list(software = c(versions(), mice = as.character(packageVersion("mice")), metafor = as.character(packageVersion("metafor"))),
            t1 = T1, t2 = T2, tw = TW, freireich = F, aml = A, camis = C, float_ties = K, separated = S, firth_logistic = L, endometrial = E,
            competing = CR, pairs = P, ovarian = O, small_tables = B, rubin = R, bcg = M)
write_json(out, "known_answers.json", auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null", na = "null")
