# Rotterdam's node-positive patients, the year of surgery in the place of a centre: Cox models stratified by it and within
# each of its levels, and metafor on their log hazard ratios. The pairs are MatchIt's, from examples/rotterdam/expected.json.
source("common.R")
suppressMessages(library(metafor))

d <- subset(read_data("rotterdam"), nodes > 0)
d$size <- factor(d$size)
d$rfs <- pmax(d$recur, d$death)
d$rfs_days <- ifelse(d$recur == 1, d$rtime, d$dtime)
converged <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100)

score <- glm(hormon ~ year + age + meno + size + grade + nodes + pgr + er + chemo, binomial, d,
             control = glm.control(epsilon = 1e-14, maxit = 100))$fitted.values
score <- round(score, 10)  # as ours are
share <- mean(d$hormon)
d$ate <- ifelse(d$hormon == 1, share / score, (1 - share) / (1 - score))
d$ato <- ifelse(d$hormon == 1, 1 - score, score)

stored <- fromJSON(file.path("..", "..", "examples", "rotterdam", "expected.json"))$matched_largest
pairs <- data.frame(pid = c(as.character(stored$treated), as.character(stored$control)),
                    pair = rep(seq_along(stored$treated), 2))
matched <- merge(transform(d, pid = as.character(pid)), pairs)

effect <- function(fit) {
  est <- unname(coef(fit)["hormon"]); se <- sqrt(vcov(fit)["hormon", "hormon"])
  c(est, se)
}

fit_model <- function(right, rows, how) {
  f <- as.formula(paste("Surv(t, e) ~ hormon", right))
  if (how == "pair") coxph(f, rows, cluster = pair, control = converged)
  else if (how %in% c("ate", "ato")) { rows$w <- rows[[how]]; coxph(f, rows, weights = w, robust = TRUE, control = converged) }
  else coxph(f, rows, control = converged)
}

case <- function(label, rows, time, event, how, covariates = "") {
  rows$t <- rows[[time]]; rows$e <- rows[[event]]
  stratified <- effect(fit_model(paste("+ strata(year)", covariates), rows, how))
  out <- list(label = label, endpoint = if (event == "death") "os" else "rfs", stratified = I(stratified))
  if (covariates != "") return(out)
  centres <- sort(unique(rows$year))
  counts <- t(sapply(centres, function(y) with(rows[rows$year == y, ],
    c(sum(hormon), sum(hormon * e), sum(1 - hormon), sum((1 - hormon) * e)))))
  usable <- counts[, 2] > 0 & counts[, 4] > 0 & counts[, 2] + counts[, 4] >= 20
  found <- t(sapply(centres[usable], function(y) effect(fit_model("", rows[rows$year == y, ], how))))
  tight <- list(threshold = 1e-14, maxiter = 10000)
  fixed <- rma(found[, 1], sei = found[, 2], method = "FE")
  random <- rma(found[, 1], sei = found[, 2], method = "REML", test = "adhoc", control = tight)
  k <- sum(usable)
  left <- lapply(seq_len(k), function(i) {
    fit <- rma(found[-i, 1], sei = found[-i, 2], method = "REML", test = "adhoc", control = tight)
    c(fit$beta, fit$ci.lb, fit$ci.ub, fit$tau2)
  })
  c(out, list(
    centres = I(as.character(centres)), counts = counts, usable = I(as.character(centres[usable])), effects = found,
    fixed = I(c(fixed$beta, fixed$ci.lb, fixed$ci.ub, fixed$pval)),
    random = I(c(random$beta, random$ci.lb, random$ci.ub, random$pval, random$tau2)),
    factor = random$s2w, Q = I(c(fixed$QE, k - 1, fixed$QEp)), I2 = max(0, (fixed$QE - (k - 1)) / fixed$QE),
    prediction = I(c(random$beta) + c(-1, 1) * qt(.975, k - 2) * sqrt(random$tau2 + random$se^2)),
    left = do.call(rbind, left)))
}

model <- "+ age + meno + size + grade + nodes + pgr + er + chemo"
cases <- list()
for (endpoint in list(c("dtime", "death"), c("rfs_days", "rfs"))) {
  cases <- c(cases, list(case("unadjusted", d, endpoint[1], endpoint[2], "plain"),
                         case("multivariable", d, endpoint[1], endpoint[2], "plain", model),
                         case("matched", matched, endpoint[1], endpoint[2], "pair"),
                         case("weighted", d, endpoint[1], endpoint[2], "ate"),
                         case("overlap", d, endpoint[1], endpoint[2], "ato")))
}
write_reference("centres", list(metafor = as.character(packageVersion("metafor")), cases = cases))
