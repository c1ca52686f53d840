source("common.R")
# Sixty patients: level d has no events (monotone likelihood), sex is constant among the treated.
set.seed(4)
n <- 60
d <- data.frame(arm = rep(c("new", "old"), n / 2), age = round(rnorm(n, 60, 8)), days = 30 * sample(1:24, n, TRUE),
                level = sample(c("a", "b", "c", "d"), n, TRUE, c(.3, .3, .2, .2)), site = sample(c("u", "v", "w"), n, TRUE))
d$sex <- ifelse(d$arm == "new", "m", sample(c("f", "m"), n, TRUE))
d$died <- ifelse(d$level == "d", 0, rbinom(n, 1, 0.7))
fit <- function(formula, data) {
  f <- suppressWarnings(coxph(formula, data)); s <- summary(f)
  j <- rownames(s$coefficients) != "leveld"
  whole <- function(v) {
    k <- grep(paste0("^", v), names(coef(f)))
    if (length(k)) pchisq(drop(coef(f)[k] %*% solve(vcov(f)[k, k], coef(f)[k])), length(k), lower.tail = FALSE)
  }
  list(terms = rownames(s$coefficients)[j], hazard_ratio = s$conf.int[j, 1], lower = s$conf.int[j, 3],
       upper = s$conf.int[j, 4], p_value = s$coefficients[j, 5], site = whole("site"),
       likelihood_ratio = unname(s$logtest["pvalue"]))
}
models <- function(data) list(
  univariable = lapply(c(age = "age", level = "level", site = "site"), function(v) {
    fit(as.formula(paste("Surv(days, died) ~", if (v == "age") "I(age / 5)" else v)), data)
  }),
  multivariable = fit(Surv(days, died) ~ I(age / 5) + level + site, data))
dialect <- function(ties, type, correct) {
  s <- summary(coxph(Surv(days, died) ~ I(arm == "new"), d, ties = ties))
  medians <- lapply(c(New = "new", Old = "old"), function(a) {
    unname(unlist(quantile(survfit(Surv(days, died) ~ 1, d[d$arm == a, ], conf.type = type), 0.5)))
  })
  list(hazard_ratio = c(s$conf.int[c(1, 3, 4)], s$coefficients[5]), medians = medians,
       site = chisq.test(table(d$site, d$arm), correct = correct)$p.value,
       late = chisq.test(table(d$age > 60, d$arm), correct = correct)$p.value)
}
write_reference("prognostic", list(
  patients = d, treated = models(d[d$arm == "new", ]),
  dialects = list(r = dialect("efron", "log", TRUE), sas = dialect("breslow", "log-log", FALSE),
                  stata = dialect("breslow", "log-log", FALSE))))
