source("common.R")
suppressMessages(library(riskRegression))
# Survival standardised to all patients (g-formula) and augmented by the propensity score; times made distinct.
d <- read_data("veteran")
d$time <- d$time + seq_len(nrow(d)) / 1000
d$A <- factor(d$trt - 1)
d$squamous <- as.numeric(d$celltype == "squamous")
times <- c(30, 90, 180)
fit <- coxph(Surv(time, status) ~ A + karno + age + squamous, d, x = TRUE, y = TRUE,
             control = coxph.control(eps = 1e-14, iter.max = 100))
g <- ate(fit, treatment = "A", data = d, times = times, estimator = "GFORMULA", se = TRUE, band = FALSE, verbose = FALSE)
mean_risk <- as.data.frame(g$meanRisk); diff <- as.data.frame(g$diffRisk)
pick <- function(x, level, name) x[x$treatment == level, name]
score <- glm(A ~ karno + age + squamous, binomial, d, control = glm.control(epsilon = 1e-14))
cens <- coxph(Surv(time, status == 0) ~ A + karno + age + squamous, d, x = TRUE, y = TRUE,
              control = coxph.control(eps = 1e-14, iter.max = 100))
r <- ate(event = fit, treatment = score, censor = cens, data = d, times = times, estimator = "AIPTW",
         se = TRUE, band = FALSE, verbose = FALSE, known.nuisance = TRUE)
rm <- as.data.frame(r$meanRisk); rd <- as.data.frame(r$diffRisk)
write_reference("standardised_survival", list(
  riskRegression = as.character(packageVersion("riskRegression")), times = times, time = d$time, event = d$status,
  covariates = unname(as.matrix(cbind(d$trt - 1, d$karno, d$age, d$squamous))), score = unname(fitted(score)),
  gformula = list(treated = 1 - pick(mean_risk, "1", "estimate"), treated_se = pick(mean_risk, "1", "se"),
                  comparator = 1 - pick(mean_risk, "0", "estimate"), comparator_se = pick(mean_risk, "0", "se"),
                  difference = -diff$estimate, difference_se = diff$se),
  augmented = list(treated = 1 - pick(rm, "1", "estimate"), treated_se = pick(rm, "1", "se"),
                   comparator = 1 - pick(rm, "0", "estimate"), comparator_se = pick(rm, "0", "se"),
                   difference = -rd$estimate, difference_se = rd$se)))
