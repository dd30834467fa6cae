package facts

// GitCheckout is how the files that a cluster is built of compare with the commit that is checked out, as git says.
type GitCheckout struct {
	// NoRepository: the working tree is in no Git repository. It is an export, and of no commit.
	NoRepository bool `json:"noRepository,omitempty"`
	// Compared: git compared every file that the cluster is built of with Git.Revision.
	Compared bool `json:"compared,omitempty"`
	// Unknown says why the commit is not known, or the files were not compared.
	Unknown string `json:"unknown,omitempty"`
	// Dirty are files that differ, by path, at most MaxDirty; Omitted is how many more there are.
	Dirty   []GitDirty `json:"dirty,omitempty"`
	Omitted int        `json:"omitted,omitempty"`
}

// MaxDirty bounds GitCheckout.Dirty.
const MaxDirty = 20

// GitDirty is one file that is not as the commit has it.
type GitDirty struct {
	File string `json:"file"`
	// How it differs: modified, untracked, deleted, unwatched, submodule, changed while it was read.
	How string `json:"how"`
}
