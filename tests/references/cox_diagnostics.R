source("common.R")
control <- coxph.control(eps = 1e-12, iter.max = 100, toler.chol = 1e-13)
transforms <- c("km", "identity", "log", "rank")

# Every term is a block of columns, a factor being a block of several.
fitted <- function(blocks, d, y, s, w, ties) {
  place <- new.env()
  place$y <- y; place$s <- s; place$w <- w
  for (name in names(blocks)) {
    place[[name]] <- sapply(blocks[[name]], function(k) column(d, k))
    if (length(blocks[[name]]) == 1) place[[name]] <- drop(unname(place[[name]]))
  }
  right <- paste(c(sprintf("`%s`", names(blocks)), if (length(unique(s)) > 1) "strata(s)"), collapse = " + ")
  eval(substitute(coxph(f, weights = w, robust = FALSE, ties = ties, control = control, x = TRUE, y = TRUE),
                  list(f = as.formula(paste("y ~", right), place), ties = ties)), place)
}

proportional <- function(fit, transform, terms) {
  table <- cox.zph(fit, transform = transform, terms = terms)$table
  last <- nrow(table)
  list(statistic = I(unname(table[-last, "chisq"])), degrees_of_freedom = I(unname(table[-last, "df"])),
       p_values = I(unname(table[-last, "p"])), global = unname(table[last, ]))
}

hazard <- function(fit, y, s) {
  d <- basehaz(fit, centered = FALSE)
  stratum <- if (is.null(d$strata)) rep(1, nrow(d)) else as.numeric(sub("s=", "", as.character(d$strata)))
  n <- ncol(y)
  died <- unique(data.frame(s = s, t = y[, n - 1])[y[, n] == 1, ])
  keep <- paste(stratum, d$time) %in% paste(died$s, died$t)
  list(time = I(d$time[keep]), stratum = I(stratum[keep]), cumulative_hazard = I(d$hazard[keep]))
}

case <- function(label, data, time, event, blocks, ties = "efron", entry = NULL, strata = NULL, weight = NULL,
                 subset = NULL) {
  d <- rows(read_data(data), subset, c(time, event, unlist(blocks), entry, strata, weight))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- if (is.null(entry)) Surv(d[[time]], happened) else Surv(d[[entry]], d[[time]], happened)
  s <- if (is.null(strata)) rep(1, nrow(d)) else d[[strata]]
  w <- if (is.null(weight)) rep(1, nrow(d)) else d[[weight]]
  fit <- fitted(blocks, d, y, s, w, ties)
  harrell <- concordance(fit)
  residual <- function(type) I(unname(as.matrix(residuals(fit, type = type))))
  counts <- harrell$count
  if (is.matrix(counts)) counts <- colSums(counts)
  list(label = label, data = data, time = time, event = event, blocks = lapply(blocks, I), ties = ties, entry = entry,
       strata = strata, weight = weight, subset = subset,
       martingale = I(unname(residuals(fit, type = "martingale"))), score = residual("score"),
       dfbeta = residual("dfbeta"),
       schoenfeld = if (is.null(weight)) residual("schoenfeld"), # weighted: wrong before survival 3.8-10
       baseline = hazard(fit, y, s), concordance = unname(harrell$concordance),
       counts = unname(counts[c("concordant", "discordant", "tied.x")]),
       likelihood_ratio = 2 * diff(fit$loglik),
       zph = lapply(setNames(transforms, transforms), function(g)
         list(columns = proportional(fit, g, FALSE), terms = proportional(fit, g, TRUE))))
}

veteran <- list(trt = "trt", celltype = c("celltype=smallcell", "celltype=adeno", "celltype=large"), karno = "karno",
                diagtime = "diagtime", age = "age", prior = "prior")
lung <- list(age = "age", sex = "sex", ecog = c("ph.ecog=1", "ph.ecog=2", "ph.ecog=3"))
heavy <- list(arm = c("arm=B", "arm=C"), x1 = "x1", x2 = "x2")
last <- "id>1880"
cases <- list()
add <- function(...) cases[[length(cases) + 1]] <<- case(...)
for (ties in c("efron", "breslow")) {
  tag <- function(text) paste(text, ties)
  add(tag("veteran"), "veteran", "time", "status", veteran, ties)
  add(tag("lung"), "lung", "time", "status", lung, ties)
  add(tag("ovarian"), "ovarian", "futime", "fustat", list(age = "age", rx = "rx"), ties)
  add(tag("ties_heavy"), "ties_heavy", "time", "event", heavy, ties, subset = last)
  add(tag("ties_heavy stratified"), "ties_heavy", "time", "event", heavy, ties, strata = "site", subset = last)
  add(tag("ties_heavy truncated"), "ties_heavy", "time", "event", heavy, ties, entry = "entry", subset = last)
  add(tag("ties_heavy weighted"), "ties_heavy", "time", "event", heavy, ties, weight = "weight", subset = last)
  add(tag("ties_heavy truncated, stratified, weighted"), "ties_heavy", "time", "event", heavy, ties, entry = "entry",
      strata = "site", weight = "weight", subset = last)
}
write_reference("cox_diagnostics", list(cases = cases))
