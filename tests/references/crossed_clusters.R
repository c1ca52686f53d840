source("common.R")
suppressMessages(library(sandwich))
# Matched sets with their weights, and models of them with variances by set, by patient and by both crossed.

# Nearest partners with replacement, ties by key: a row a pair.
with_replacement <- function(score, focal, key, ratio, caliper) {
  others <- which(!focal)
  pairs <- lapply(which(focal), function(i) {
    distance <- round(abs(score[others] - score[i]), 10)
    near <- others[order(distance, key[others], method = "radix")][seq_len(ratio)]
    near <- near[round(abs(score[near] - score[i]), 10) <= caliper]
    if (length(near)) data.frame(focal = i, partner = near)
  })
  do.call(rbind, pairs)
}

# Globally nearest pair first, in rounds: a second partner only for those who had a first.
closest_first <- function(score, focal, key, ratio, caliper) {
  looking <- which(focal); free <- which(!focal); pairs <- NULL
  for (round in seq_len(ratio)) {
    grid <- expand.grid(focal = looking, partner = free)
    grid$distance <- round(abs(score[grid$focal] - score[grid$partner]), 10)
    grid <- grid[grid$distance <= caliper, ]
    grid <- grid[order(grid$distance, key[grid$focal], key[grid$partner], method = "radix"), ]
    made <- NULL
    while (nrow(grid)) {
      made <- rbind(made, grid[1, c("focal", "partner")])
      grid <- grid[grid$focal != grid$focal[1] & grid$partner != grid$partner[1], ]
    }
    pairs <- rbind(pairs, made)
    looking <- intersect(looking, made$focal); free <- setdiff(free, made$partner)
  }
  pairs[order(pairs$focal, pairs$partner), ]
}

# The focal patient of weight 1, then its partners of weight 1 / their number, these scaled to a mean of 1 a patient.
sets_of <- function(pairs) {
  sets <- split(pairs$partner, pairs$focal)
  rows <- do.call(rbind, lapply(seq_along(sets), function(s) {
    data.frame(patient = c(as.integer(names(sets)[s]), sets[[s]]), set = s,
               weight = c(1, rep(1 / length(sets[[s]]), length(sets[[s]]))), partner = c(FALSE, rep(TRUE, length(sets[[s]]))))
  }))
  scale <- length(unique(rows$patient[rows$partner])) / sum(rows$weight[rows$partner])
  rows$weight[rows$partner] <- rows$weight[rows$partner] * scale
  rows
}

# cadjust = FALSE, HC0: no corrections for few clusters or parameters, as everywhere in coxph.
crossed <- function(fit, rows) {
  vcovCL(fit, cluster = data.frame(rows$set, rows$patient), type = "HC0", cadjust = FALSE, multi0 = FALSE)
}
one_way <- function(fit, labels) vcovCL(fit, cluster = labels, type = "HC0", cadjust = FALSE)

tight <- coxph.control(eps = 1e-12, toler.chol = 1e-13, iter.max = 100)
by_hand <- function(fit, rows) {
  moved <- residuals(fit, "dfbeta", weighted = TRUE)
  squares <- function(labels) sum(tapply(moved, labels, sum)^2)
  sqrt(squares(rows$set) + squares(rows$patient) - squares(paste(rows$set, rows$patient)))
}

# The score test at 0 of a weighted model, its variance by crossed clusters.
score_test <- function(time, event, arm, rows) {
  fit <- coxph(Surv(time, event) ~ arm, weights = rows$weight, ties = "breslow", init = 0, iter.max = 0)
  score <- residuals(fit, "score", weighted = TRUE)
  squares <- function(labels) sum(tapply(score, labels, sum)^2)
  both <- paste(rows$set, rows$patient)
  sum(score)^2 / (squares(rows$set) + squares(rows$patient) - squares(both))
}

analyse <- function(rows, time, event, arm, other, ties) {
  d <- data.frame(time = time, event = event, arm = arm, other = other)[rows$patient, ]
  # robust = FALSE: sandwich takes the fit's variance for the inverse information
  fit <- coxph(Surv(time, event) ~ arm + other, d, weights = rows$weight, ties = ties, control = tight, robust = FALSE)
  alone <- coxph(Surv(time, event) ~ arm, d, weights = rows$weight, ties = ties, control = tight)
  clustered <- coxph(Surv(time, event) ~ arm, d, weights = rows$weight, ties = ties, control = tight,
                     cluster = rows$set)
  y <- as.numeric(d$time > 400)
  line <- lm(y ~ arm, data.frame(y = y, arm = d$arm), weights = rows$weight)
  list(ties = ties, coefficients = unname(coef(fit)), covariance = unname(crossed(fit, rows)),
       by_set = unname(one_way(fit, rows$set)), by_patient = unname(one_way(fit, rows$patient)),
       alone = unname(coef(alone)), alone_se = by_hand(alone, rows), set_se = sqrt(clustered$var[1, 1]),
       score_test = score_test(d$time, d$event, d$arm, rows),
       late = unname(coef(line)[2]), late_se = sqrt(crossed(line, rows)[2, 2]),
       late_set_se = sqrt(one_way(line, rows$set)[2, 2]))
}

lalonde <- read_data("lalonde")
lalonde <- lalonde[order(lalonde$id, method = "radix"), ]
fit <- glm(treat ~ age + educ + race + married + nodegree + re74 + re75, binomial, lalonde,
           control = glm.control(epsilon = 1e-14, maxit = 100))
score <- round(as.vector(predict(fit)), 10)
treated <- lalonde$treat == 1
caliper <- 0.2 * sd(score)
time <- 1 + floor(lalonde$re78 + 7 * lalonde$age + lalonde$re75) %% 997
event <- (floor(lalonde$re78) + lalonde$age) %% 3 != 0
other <- lalonde$educ

study <- function(label, pairs) {
  rows <- sets_of(pairs)
  totals <- tapply(rows$weight[rows$partner], rows$patient[rows$partner], sum)
  list(label = label, patient = I(lalonde$id[rows$patient]), set = I(rows$set), weight = I(rows$weight),
       sets = max(rows$set), distinct = length(totals), most_used = max(table(rows$patient[rows$partner])),
       effective = sum(totals)^2 / sum(totals^2),
       models = lapply(c("efron", "breslow"), function(ties) analyse(rows, time, event, treated, other, ties)))
}
write_reference("crossed_clusters", list(studies = list(
  study("with replacement 1:2", with_replacement(score, treated, lalonde$id, 2, caliper)),
  study("with replacement 1:1", with_replacement(score, treated, lalonde$id, 1, caliper)),
  study("closest first 1:3", closest_first(score, treated, lalonde$id, 3, caliper))
)))
