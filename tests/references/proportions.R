source("common.R")
one <- function(x, n, level) {
  exact <- binom.test(x, n, conf.level = level)$conf.int
  wilson <- suppressWarnings(prop.test(x, n, correct = FALSE, conf.level = level)$conf.int)
  list(events = x, n = n, level = level, "clopper-pearson" = c(exact[1], exact[2]), wilson = c(wilson[1], wilson[2]))
}
grid <- expand.grid(n = c(1, 2, 5, 20, 25, 148, 1000), share = c(0, .1, .28, .5, .93, 1), level = c(.8, .95, .99))
write_reference("proportions", list(cases = Map(one, round(grid$n * grid$share), grid$n, grid$level)))
