source("common.R")
suppressMessages(library(clue))
# Pairs without a caliper at the smallest total distance: the assignment problem, a row a wish.
optimal <- function(label, score, focal, ratio) {
  distance <- abs(outer(rep(score[focal], each = ratio), score[!focal], "-"))
  whole <- round(distance * 1e10)
  wide <- nrow(whole) <= ncol(whole)
  found <- solve_LSAP(if (wide) whole else t(whole))
  chosen <- cbind(seq_along(found), as.integer(found))
  total <- sum((if (wide) whole else t(whole))[chosen]) / 1e10
  list(label = label, ratio = ratio, score = I(score), focal = I(as.integer(focal)), pairs = length(found), total = total)
}
lalonde <- read_data("lalonde")
fit <- glm(treat ~ age + educ + race + married + nodegree + re74 + re75, binomial, lalonde,
           control = glm.control(epsilon = 1e-14, maxit = 100))
score <- round(as.vector(predict(fit)), 10)
treated <- lalonde$treat == 1
veteran <- read_data("veteran")
age <- veteran$age + veteran$karno / 100
cases <- list(
  optimal("lalonde 1:1", score, treated, 1),
  optimal("lalonde 1:2", score, treated, 2),
  optimal("lalonde, the comparators look", score, !treated, 1),
  optimal("veteran, whole years tied 1:1", veteran$age, veteran$trt == 2, 1),
  optimal("veteran 1:1", age, veteran$trt == 1, 1)
)
content <- list(cases = cases)
write_json(c(list(software = c(software(), clue = as.character(packageVersion("clue")))), content),
           "optimal_matching.json", auto_unbox = TRUE, digits = 15)
