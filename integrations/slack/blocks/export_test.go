package blocks

// Clean is what every text goes through.
var Clean = clean
