// What is shown when a page itself cannot be: it could not be fetched (the console is away, or was replaced), or it broke.
import { Component, type ReactNode } from "react";

type Props = { at: string; children: ReactNode };
type State = { error: unknown; at: string };

export class Kept extends Component<Props, State> {
  state: State = { error: null, at: this.props.at };

  /** Another page is another try. */
  static getDerivedStateFromProps({ at }: Props, now: State): State | null {
    return at === now.at ? null : { error: null, at };
  }

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  render() {
    if (this.state.error === null) return this.props.children;
    return (
      <div role="alert" className="card grid justify-items-start gap-2 border-l-4 border-l-deviated px-5 py-4" data-state="error">
        <h1>This page could not be shown</h1>
        <p className="text-ink-2">The console may be away, or a newer one may have taken its place. Runs do not notice.</p>
        <p className="mono">{String(this.state.error).slice(0, 300)}</p>
        <button className="btn" onClick={() => location.reload()}>Load it again</button>
      </div>
    );
  }
}
