"""What a browser is asked of the look of a page."""

# Rows that are more than two lines taller than what is seen of them before anything is scrolled.
EMPTY = """() => [...document.querySelectorAll('.scroll tbody tr')].flatMap(row => {
  const box = row.closest('.scroll').getBoundingClientRect()
  const seen = [...row.cells].filter(cell => cell.getBoundingClientRect().left < box.right - 40)
  if (!box.width || !row.offsetHeight || !seen.length) return []
  const words = document.createRange(), line = parseFloat(getComputedStyle(row).lineHeight)
  const ends = seen.map(cell => { words.selectNodeContents(cell)
    return words.getBoundingClientRect().bottom })
  const empty = (row.getBoundingClientRect().bottom - Math.max(...ends)) / line
  return empty > 2.6 ? [`${row.closest('[id]').id}: ${empty.toFixed(1)}`] : [] })"""
