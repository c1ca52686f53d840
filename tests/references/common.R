# Shared by the reference scripts: run them from this folder, e.g. `Rscript cox.R`; each writes <its name>.json.
suppressMessages({library(survival); library(jsonlite)})

software <- function() {
  list(R = R.version.string, survival = as.character(packageVersion("survival")))
}

read_data <- function(name) {
  read.csv(file.path("..", "data", paste0(name, ".csv")), check.names = FALSE, na.strings = "")
}

# A column, or the indicator "column=level" of one of its levels.
column <- function(d, name) {
  if (!grepl("=", name)) return(d[[name]])
  parts <- strsplit(name, "=", fixed = TRUE)[[1]]
  ifelse(is.na(d[[parts[1]]]), NA, as.numeric(as.character(d[[parts[1]]]) == parts[2]))
}

# Rows chosen by `subset` (an R and Python expression "column>number") that are complete in `needed`.
rows <- function(d, subset, needed) {
  if (!is.null(subset)) {
    parts <- strsplit(subset, ">", fixed = TRUE)[[1]]
    d <- d[d[[parts[1]]] > as.numeric(parts[2]), ]
  }
  keep <- rep(TRUE, nrow(d))
  for (name in needed) keep <- keep & !is.na(column(d, name))
  d[keep, ]
}

write_reference <- function(name, content) {
  write_json(c(list(software = software()), content), paste0(name, ".json"),
             auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null", na = "null")
}
