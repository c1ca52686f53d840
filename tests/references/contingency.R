source("common.R")
set.seed(20250102)
fixed <- list(rbind(c(12, 7), c(5, 14)), rbind(c(45, 86), c(46, 101)), rbind(c(3, 0), c(0, 3)),
              rbind(c(1, 9), c(11, 3)), rbind(c(4, 1), c(0, 6), c(2, 2)), rbind(c(10, 0), c(0, 10), c(5, 5)),
              rbind(c(7, 7), c(7, 7), c(7, 7)), rbind(c(1, 0), c(0, 1), c(1, 0), c(0, 1), c(3, 2)))
made <- lapply(1:25, function(i) {
  r <- sample(2:6, 1)
  repeat {
    t <- matrix(rpois(2 * r, sample(c(1, 3, 8), 1)), r, 2)
    if (all(rowSums(t) > 0) && all(colSums(t) > 0)) return(t)
  }
})
answer <- function(t) {
  chi <- suppressWarnings(chisq.test(t, correct = FALSE))
  list(table = t, statistic = unname(chi$statistic), degrees_of_freedom = unname(chi$parameter),
       pearson_p = chi$p.value, fisher_p = fisher.test(t, workspace = 2e7)$p.value,
       smallest_expected = min(chi$expected))
}
write_reference("contingency", list(cases = lapply(c(fixed, made), answer)))
