source("common.R")
pooled <- function(x, t) (mean(x[t]) - mean(x[!t])) / sqrt((var(x[t]) + var(x[!t])) / 2)
share <- function(x, t) {
  p <- mean(x[t]); q <- mean(x[!t])
  list(share_1 = p, share_0 = q, difference = (p - q) / sqrt((p * (1 - p) + q * (1 - q)) / 2))
}
# Yang and Dalton (2012): the first level is left out
levels_of <- function(x, t) {
  x <- factor(x); p <- prop.table(table(x[t]))[-1]; q <- prop.table(table(x[!t]))[-1]
  s <- (diag(p, length(p)) - p %o% p + diag(q, length(q)) - q %o% q) / 2
  sqrt(drop(t(p - q) %*% solve(s) %*% (p - q)))
}
weighted <- function(x, w) list(mean = weighted.mean(x, w), variance = cov.wt(cbind(x), w)$cov[1])
l <- read_data("lalonde"); treated <- l$treat == 1
r <- subset(read_data("rotterdam"), nodes > 0); given <- r$hormon == 1
h <- read_data("ties_heavy")
numeric <- function(d, t, data, arm, subset, names) lapply(names, function(k) {
  list(data = data, arm = arm, subset = subset, column = k, difference = pooled(d[[k]], t))
})
write_reference("standardised_difference", list(
  continuous = c(
    numeric(l, treated, "lalonde", "treat", NULL, c("age", "educ", "re74", "re75")),
    numeric(r, given, "rotterdam", "hormon", "nodes>0", c("year", "age", "nodes", "pgr", "er"))),
  binary = list(married = share(l$married, treated), nodegree = share(l$nodegree, treated)),
  categorical = list(
    list(data = "lalonde", arm = "treat", subset = NULL, column = "race", difference = levels_of(l$race, treated)),
    list(data = "rotterdam", arm = "hormon", subset = "nodes>0", column = "size",
         difference = levels_of(r$size, given)),
    list(data = "rotterdam", arm = "hormon", subset = "nodes>0", column = "grade",
         difference = levels_of(r$grade, given)),
    list(data = "ties_heavy", arm = "x2", subset = NULL, column = "site", difference = levels_of(h$site, h$x2 == 1))),
  weighted = list(data = "ties_heavy", column = "x1", weight = "weight", expected = weighted(h$x1, h$weight))))
