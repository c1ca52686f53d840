source("common.R")
case <- function(label, data, time, event, risk, strata = NULL) {
  d <- rows(read_data(data), NULL, c(time, event, risk, strata))
  happened <- if (data == "lung") d[[event]] == 2 else d[[event]] == 1
  y <- Surv(d[[time]], happened); x <- d[[risk]]
  s <- if (is.null(strata)) NULL else d[[strata]]
  fit <- if (is.null(s)) concordance(y ~ x, reverse = TRUE) else concordance(y ~ x + strata(s), reverse = TRUE)
  counts <- if (is.matrix(fit$count)) colSums(fit$count) else fit$count
  list(label = label, data = data, time = time, event = event, risk = risk, strata = strata,
       concordance = unname(fit$concordance), counts = unname(counts[c("concordant", "discordant", "tied.x")]))
}
write_reference("concordance", list(cases = list(
  case("lung age", "lung", "time", "status", "age"),
  case("lung karnofsky by sex", "lung", "time", "status", "ph.karno", "sex"),
  case("veteran karno", "veteran", "time", "status", "karno"),
  case("veteran karno by treatment", "veteran", "time", "status", "karno", "trt"),
  case("ovarian age", "ovarian", "futime", "fustat", "age"),
  case("ties_heavy", "ties_heavy", "time", "event", "x1"),
  case("ties_heavy two values", "ties_heavy", "time", "event", "x2"),
  case("ties_heavy by site", "ties_heavy", "time", "event", "x1", "site"),
  case("rotterdam nodes", "rotterdam", "dtime", "death", "nodes"))))
