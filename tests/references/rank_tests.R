source("common.R")
set.seed(20250103)
answer <- function(label, x, y) {
  t <- suppressWarnings(wilcox.test(x, y))
  list(label = label, x = I(x), y = I(y), statistic = unname(t$statistic), p_value = t$p.value,
       exact = !grepl("continuity", t$method))
}
lung <- read_data("lung"); veteran <- read_data("veteran"); lalonde <- read_data("lalonde")
write_reference("rank_tests", list(cases = list(
  answer("ties", c(1, 2, 2, 3, 5, 8), c(2, 4, 4, 6, 9, 9, 10)),
  answer("no ties", c(1, 3, 5, 7, 11), c(2, 4, 6, 8, 10, 12)),
  answer("one against one", 1, 2),
  answer("one against many", 3.5, 1:20),
  answer("49 against 49 without ties", sample(1:98, 49) * 1, setdiff(1:98, 1:49) + .5),
  answer("exact, far apart", 1:30 * 1, 31:60 * 1),
  answer("50 against 10 without ties", 1:50 * 1, 1:10 * 4.1 + .03),
  answer("exact 20 against 31", rnorm(20), rnorm(31, .5)),
  answer("exactly in the middle", c(1, 4), c(2, 3)),
  answer("lung age by sex", lung$age[lung$sex == 1], lung$age[lung$sex == 2]),
  answer("veteran karno by treatment", veteran$karno[veteran$trt == 1], veteran$karno[veteran$trt == 2]),
  answer("lalonde re74", lalonde$re74[lalonde$treat == 1], lalonde$re74[lalonde$treat == 0]))))
