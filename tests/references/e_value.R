source("common.R")
# EValue is not installed here: the formulas of VanderWeele and Ding (2017), table 2, written out again
e <- function(rr) { rr <- ifelse(rr < 1, 1 / rr, rr); rr + sqrt(rr * (rr - 1)) }
rr <- function(hr, rare) if (rare) hr else (1 - 0.5^sqrt(hr)) / (1 - 0.5^sqrt(1 / hr))
one <- function(hr, lo, hi, rare) {
  near <- if (lo <= 1 && hi >= 1) 1 else if (lo > 1) rr(lo, rare) else rr(hi, rare)
  list(hr = hr, lo = lo, hi = hi, rare = rare, rr = rr(hr, rare), e = e(rr(hr, rare)), limit = e(near))
}
cases <- list()
for (rare in c(TRUE, FALSE)) {
  for (v in list(c(3.9, 1.8, 8.7), c(.56, .46, .69), c(.8, .6, 1.1), c(1.3, 1, 1.7), c(1, .9, 1.1), c(.05, .01, .2))) {
    cases[[length(cases) + 1]] <- one(v[1], v[2], v[3], rare)
  }
}
write_reference("e_value", list(cases = cases))
