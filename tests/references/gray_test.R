source("common.R"); source("competing.R")

case <- function(label, data, time, strata = NULL, arm = "arm", rows = NULL) {
  d <- if (data == "fourteen") fourteen else first_of(data)
  if (!is.null(rows)) d <- head(d, rows)
  s <- if (is.null(strata)) rep(1, nrow(d)) else d[[strata]]
  tests <- cuminc(d[[time]], d$cause, d[[arm]], s)$Tests
  list(label = label, data = data, time = time, strata = strata, arm = arm, rows = rows,
       statistic = I(unname(tests[, "stat"])), p_value = I(unname(pchisq(tests[, "stat"], tests[, "df"], lower.tail = FALSE))),
       degrees_of_freedom = tests[1, "df"])
}

cases <- list(case("fourteen", "fourteen", "time"),
              case("ties_heavy", "ties_heavy", "time"),
              case("ties_heavy, tens", "ties_heavy", "months"),
              case("ties_heavy, stratified", "ties_heavy", "time", "site"),
              case("ties_heavy, 80 rows stratified", "ties_heavy", "time", "site", rows = 80),
              case("ties_heavy, two groups", "ties_heavy", "months", "arm", "x2"),
              case("rotterdam", "rotterdam", "time"),
              case("rotterdam, quarters", "rotterdam", "months"),
              case("rotterdam, stratified by grade", "rotterdam", "months", "site"),
              case("rotterdam, sizes", "rotterdam", "months", NULL, "size"))
write_json(list(software = versions(), cases = cases), "gray_test.json", auto_unbox = TRUE, digits = NA, pretty = TRUE,
           null = "null", na = "null")
