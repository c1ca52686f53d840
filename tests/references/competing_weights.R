source("common.R"); source("competing.R")

# Made-up weights for rotterdam's and the tied sample's causes; a few patients count for nothing.
case <- function(label, data, time, covariates, rows) {
  d <- head(first_of(data), rows)
  d$id <- seq_len(nrow(d))
  d$w <- (d$id * 37) %% 100 / 25
  d$t <- d[[time]]
  kept <- d[d$w > 0, ]
  fit <- survfit(Surv(t, factor(cause, 0:2)) ~ 1, data = kept, weights = w, conf.type = "plain")
  one <- function(k) {
    kept$factor <- factor(kept$cause, 0:2, c("none", "one", "two"))
    long <- kept[, c("t", "factor", "id", "w")]
    for (name in covariates) long[[name]] <- as.numeric(column(kept, name))
    fg <- finegray(Surv(t, factor) ~ ., data = long, etype = c("one", "two")[k], id = id)
    xs <- as.matrix(fg[, covariates, drop = FALSE])
    model <- coxph(Surv(fgstart, fgstop, fgstatus) ~ xs, fg, weights = fgwt * w, cluster = id,
                   control = coxph.control(eps = 1e-12, toler.chol = 1e-13))
    list(pstate = I(fit$pstate[, k + 1]), std_error = I(fit$std.err[, k + 1]), coef = I(unname(coef(model))),
         var = unname(model$var))
  }
  list(label = label, data = data, time = time, covariates = I(covariates), rows = rows, at = I(fit$time),
       causes = list(one(1), one(2)))
}

cases <- list(case("ties_heavy", "ties_heavy", "time", c("x1", "x2"), 300),
              case("ties_heavy, tens", "ties_heavy", "months", c("x1", "x2"), 400),
              case("rotterdam", "rotterdam", "time", c("nodes", "age"), 500))
write_json(list(software = versions(), cases = cases), "competing_weights.json", auto_unbox = TRUE, digits = NA,
           pretty = FALSE, null = "null", na = "null")
