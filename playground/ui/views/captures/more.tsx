// Long lists are drawn in parts.

/** Rows that are drawn at first, and with each wish for more. */
export const ROWS = 300;

export function More({ left, onMore }: { readonly left: number; readonly onMore: () => void }) {
  return (
    <button type="button" class="button quiet small more" onClick={onMore}>
      {left.toLocaleString("en")} more
    </button>
  );
}
