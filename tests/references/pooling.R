source("common.R")
suppressMessages(library(mice))
# Three completed data sets of 60 patients, each with a matched set of its own size, and every pooled number: models,
# tests and curves by survival, pooled by mice, D2 and the curve written out.
set.seed(20251111)
n <- 60
time <- sample(seq(30, 900, 30), n, TRUE)  # many ties
event <- rbinom(n, 1, 0.7); treated <- rep(0:1, n / 2); answered <- rbinom(n, 1, ifelse(treated == 1, 0.5, 0.25))
level <- sample(0:2, n, TRUE); marker <- round(rnorm(n), 2)
impute <- function(size) {
  lost <- sample(n, 12); x <- marker; g <- level
  x[lost] <- sample(marker, 12); g[lost] <- sample(0:2, 12, TRUE)
  list(marker = x, level = g, first = sample(which(treated == 1), size), second = sample(which(treated == 0), size))
}
imputed <- lapply(c(22, 24, 21), impute)

one <- qnorm(0.975)
key <- function(adjustment, analysis, statistic, method = "", arm = "new vs old", variable = "", level = "", parameter = "") {
  list(adjustment = adjustment, analysis = analysis, arm = arm, variable = variable, variable_level = level,
       statistic = statistic, parameter = parameter, method = method)
}
rows <- list()
emit <- function(value, ...) rows[[length(rows) + 1]] <<- c(key(...), list(value = unname(value)))
rubin <- function(q, u, df) {
  p <- pool.scalar(q, u, n = df + 1, k = 1)
  half <- qt(0.975, p$df) * sqrt(p$t)
  c(p$qbar, p$qbar - half, p$qbar + half, 2 * pt(-abs(p$qbar) / sqrt(p$t), p$df), sqrt(p$t), p$df)
}
d2 <- function(s, k) {
  r <- (1 + 1 / length(s)) * var(sqrt(s))
  f <- (mean(s) / k - (length(s) + 1) / (length(s) - 1) * r) / (1 + r)
  pf(max(f, 0), k, k^(-3 / length(s)) * (length(s) - 1) * (1 + 1 / r)^2, lower.tail = FALSE)
}
hazard <- function(q, se, df, method, ...) {
  p <- rubin(q, se^2, min(df)); values <- c(exp(p[1:3]), p[4:4], p[1], p[5], p[6])
  names <- c("hazard_ratio", "hazard_ratio_lower", "hazard_ratio_upper", "p_value", "log_hazard_ratio",
             "log_hazard_ratio_se", "degrees_of_freedom")
  for (i in seq_along(names)) emit(values[i], statistic = names[i], method = paste0(method, ", Rubin's rules"), ...)
}
over <- function(f) sapply(imputed, f)
matched <- lapply(imputed, function(d) {
  r <- c(d$first, d$second)
  data.frame(time = time[r], event = event[r], treated = treated[r], answered = answered[r], pair = rep(seq_along(d$first), 2))
})
efron <- "Cox, Efron ties, Wald"; by_pair <- paste0(efron, ", robust variance clustered by pair")

robust <- lapply(matched, function(d) coxph(Surv(time, event) ~ treated, d, cluster = pair))
naive <- lapply(matched, function(d) coxph(Surv(time, event) ~ treated, d))
se <- function(fit, j = 1) sqrt(vcov(fit)[j, j])
hazard(sapply(robust, coef), sapply(robust, se), sapply(matched, function(d) max(d$pair)) - 1, by_pair,
       adjustment = "matched", analysis = "hazard_ratio")
hazard(sapply(naive, coef), sapply(naive, se), sapply(matched, function(d) sum(d$event)) - 1, efron,
       adjustment = "matched", analysis = "hazard_ratio")
model <- lapply(imputed, function(d) coxph(Surv(time, event) ~ treated + d$marker + factor(d$level)))
for (j in 1:4) hazard(sapply(model, function(f) coef(f)[j]), sapply(model, se, j), sum(event) - 4, efron,
  adjustment = "model", analysis = "hazard_ratio", arm = if (j == 1) "new vs old" else "all",
  variable = c("", "marker", "level", "level")[j], level = c("", "", "b vs a", "c vs a")[j])

log_rank <- sapply(matched, function(d) survdiff(Surv(time, event) ~ treated, d)$chisq)
emit(d2(log_rank, 1), "matched", "survival", "p_value", "log-rank, pooled by D2")
stratified <- sapply(matched, function(d) survdiff(Surv(time, event) ~ treated + strata(pair), d)$chisq)
emit(d2(stratified, 1), "matched", "survival", "p_value", "log-rank stratified by pair, pooled by D2")
pearson <- over(function(d) chisq.test(table(d$level, treated), correct = FALSE)$statistic)
emit(d2(pearson, 2), "unadjusted", "baseline", "p_value", "Pearson chi-squared, pooled by D2", variable = "level")
counts <- over(function(d) sum(d$level == 1))
emit(mean(counts), "unadjusted", "baseline", "n", arm = "all", variable = "level", level = "b")
emit(min(counts), "unadjusted", "baseline", "n_minimum", arm = "all", variable = "level", level = "b")
emit(max(counts), "unadjusted", "baseline", "n_maximum", arm = "all", variable = "level", level = "b")
smd <- over(function(d) (mean(d$marker[treated == 1]) - mean(d$marker[treated == 0])) /
  sqrt((var(d$marker[treated == 1]) + var(d$marker[treated == 0])) / 2))
emit(mean(smd), "unadjusted", "balance", "smd", "SD of the original sample", variable = "marker")
emit(smd[which.max(abs(smd))], "unadjusted", "balance", "smd_largest", "SD of the original sample", variable = "marker")
emit(mean(sapply(matched, function(d) max(d$pair))), "matched", "response", "pairs", "Wald, clustered by pair",
     variable = "objective_response", parameter = "unconfirmed")

response <- function(...) list(adjustment = "matched", analysis = "response", variable = "objective_response",
                               parameter = "unconfirmed", ...)
x <- sapply(matched, function(d) sum(d$answered[d$treated == 1])); size <- sapply(matched, function(d) max(d$pair))
p <- plogis(rubin(qlogis(x / size), 1 / x + 1 / (size - x), min(size) - 1)[1:3])
do.call(emit, response(100 * p[1], statistic = "percent", arm = "new"))
do.call(emit, response(100 * p[2], statistic = "percent_lower", arm = "new", method = "logit, Rubin's rules"))
do.call(emit, response(100 * p[3], statistic = "percent_upper", arm = "new", method = "logit, Rubin's rules"))
pairs <- lapply(matched, function(d) d$answered[d$treated == 1] - d$answered[d$treated == 0])
gap <- 100 * sapply(pairs, mean); error <- 100 * sapply(pairs, function(v) sqrt(sum((v - mean(v))^2)) / length(v))
g <- rubin(gap, error^2, min(size) - 1)
clustered <- "Wald, clustered by pair, Rubin's rules"
for (i in 1:5) do.call(emit, response(g[i], method = clustered,
  statistic = c("difference", "difference_lower", "difference_upper", "p_value", "difference_se")[i]))
odds <- sapply(matched, function(d) {
  a <- d$answered[d$treated == 1]; b <- d$answered[d$treated == 0]
  influence <- (a - mean(a)) / (mean(a) * (1 - mean(a))) - (b - mean(b)) / (mean(b) * (1 - mean(b)))
  c(qlogis(mean(a)) - qlogis(mean(b)), sqrt(sum(influence^2)) / length(a))
})
o <- exp(rubin(odds[1, ], odds[2, ]^2, min(size) - 1)[1:3])
for (i in 1:3) do.call(emit, response(o[i], method = clustered,
  statistic = c("odds_ratio", "odds_ratio_lower", "odds_ratio_upper")[i]))

fits <- lapply(matched, function(d) survfit(Surv(time, event) ~ 1, d[d$treated == 1, ]))
at <- sort(unique(unlist(lapply(fits, function(f) f$time[f$n.event > 0]))))
curve <- t(sapply(at, function(t) {
  i <- sapply(fits, function(f) sum(f$time <= t)); s <- mapply(function(f, i) c(1, f$surv)[i + 1], fits, i)
  if (any(s == 0 | s == 1)) return(c(mean(s), NA, NA))
  p <- pool.scalar(log(-log(s)), (mapply(function(f, i) f$std.err[i], fits, i) / log(s))^2)
  exp(-exp(p$qbar + c(0, 1, -1) * one * sqrt(p$t)))
}))
crossing <- function(v) { i <- which(v < 0.5)[1]; stopifnot(all(abs(v - 0.5) > 1e-6, na.rm = TRUE)); at[i] }
emit(crossing(curve[, 1]), "matched", "survival", "median", arm = "new")
emit(crossing(curve[, 2]), "matched", "survival", "median_lower", "inverting the pooled curve", arm = "new")
emit(crossing(curve[, 3]), "matched", "survival", "median_upper", "inverting the pooled curve", arm = "new")
landmark <- sum(at <= 180)  # six months of 30.4375 days are 182.625
for (i in 1:3) emit(curve[landmark, i], "matched", "survival", c("survival", "survival_lower", "survival_upper")[i],
  if (i == 1) "" else "log-log, Rubin's rules", arm = "new", parameter = "6 months")

write_reference("pooling", list(mice = as.character(packageVersion("mice")), rows = rows, patients =
  list(time = time, event = event, treated = treated, answered = answered),
  imputed = lapply(imputed, function(d) list(marker = d$marker, level = d$level, first = d$first - 1, second = d$second - 1))))
