source("common.R")
suppressMessages(library(mice))

case <- function(data, time, event) {
  d <- read_data(data)
  d$event <- as.numeric(d[[event]] == (if (data == "lung") 2 else 1))
  d$time <- d[[time]]
  fit <- survfit(Surv(time, event) ~ 1, data = d)
  own <- fit$cumhaz[match(d$time, fit$time)]
  # mice goes through coxph, which takes Efron's sum among tied events; without them the two are the same
  tied <- any(duplicated(d$time[d$event == 1]))
  list(data = data, time = time, event = event, cumulative_hazard = own,
       mice = if (tied) NULL else nelsonaalen(d, time, event))
}

write_reference("nelson_aalen", list(mice = as.character(packageVersion("mice")), cases = list(
  case("aml", "time", "status"), case("ovarian", "futime", "fustat"), case("veteran", "time", "status"),
  case("lung", "time", "status"))))
