source("common.R")
set.seed(20250104)
ranks <- function(label, x, g) {
  keep <- !is.na(x); x <- x[keep]; g <- as.character(g[keep])
  k <- kruskal.test(x, factor(g))
  list(label = label, values = I(x), group = I(g), statistic = unname(k$statistic),
       degrees_of_freedom = unname(k$parameter), p_value = k$p.value)
}
means <- function(label, x, y) {
  answer <- function(equal) {
    t <- t.test(x, y, var.equal = equal)
    list(statistic = unname(t$statistic), degrees_of_freedom = unname(t$parameter), p_value = t$p.value)
  }
  list(label = label, x = I(x), y = I(y), difference = mean(x) - mean(y), welch = answer(FALSE),
       student = answer(TRUE))
}
v <- read_data("veteran"); l <- read_data("lung"); a <- read_data("lalonde")
write_reference("group_tests", list(
  kruskal_wallis = list(
    ranks("veteran karno by cell type", v$karno, v$celltype),
    ranks("veteran age by treatment", v$age, v$trt),
    ranks("lung age by ecog", l$age[!is.na(l$ph.ecog)], l$ph.ecog[!is.na(l$ph.ecog)]),
    ranks("lung meals by institution", l$meal.cal[!is.na(l$inst)], l$inst[!is.na(l$inst)]),
    ranks("lalonde re75 by race", a$re75, a$race),
    ranks("one a group", c(3, 1, 2), c("a", "b", "c")),
    ranks("no ties", rnorm(30), rep(c("a", "b", "c"), c(5, 10, 15)))),
  t_test = list(
    means("known", c(1, 2, 2, 3, 5, 8), c(2, 4, 4, 6, 9, 9, 10)),
    means("lung age by sex", l$age[l$sex == 1], l$age[l$sex == 2]),
    means("lalonde re74", a$re74[a$treat == 1], a$re74[a$treat == 0]),
    means("far from zero", 1e6 + c(.1, .2, .4), 1e6 + c(.3, .5, .6, .9)),
    means("two against two", c(1, 2), c(4, 7)),
    means("one arm without spread", c(3, 3, 3), c(1, 2, 6)),
    means("far apart", rnorm(100), rnorm(80, 5)))))
