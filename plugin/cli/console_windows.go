package cli

import (
	"io"
	"os"

	"golang.org/x/sys/windows"
)

// colours tells whether the console behind w shows colours, and has it do so: an older one prints escape sequences as
// they are until it is told.
func colours(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	var mode uint32
	console := windows.Handle(file.Fd())
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	const wanted = windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	return mode&wanted == wanted || windows.SetConsoleMode(console, mode|wanted) == nil
}
