source("common.R")
set.seed(20250105)
fixed <- list(rbind(c(3, 1, 2), c(4, 5, 6), c(0, 7, 1)), rbind(c(3, 4, 0), c(1, 5, 7)), rbind(c(2, 0, 0), c(0, 2, 0), c(0, 0, 2)),
              rbind(c(1, 2, 3, 4), c(4, 3, 2, 1)), rbind(c(5, 5, 5), c(5, 5, 5)), rbind(c(20, 10, 5), c(9, 14, 12)))
made <- lapply(1:25, function(i) {
  r <- sample(2:4, 1); k <- sample(3:4, 1)
  repeat {
    t <- matrix(rpois(k * r, sample(c(1, 2, 4), 1)), r, k)
    if (all(rowSums(t) > 0) && all(colSums(t) > 0)) return(t)
  }
})
answer <- function(t) list(table = t, fisher_p = fisher.test(t, workspace = 2e8)$p.value)
write_reference("contingency_columns", list(cases = lapply(c(fixed, made), answer)))
