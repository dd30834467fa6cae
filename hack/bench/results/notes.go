package results

// missed names the targets that are not met and why, as far as that is known.
const missed = ``
