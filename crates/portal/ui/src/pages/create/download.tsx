import { useEffect, useState } from 'preact/hooks';
import type { Made } from '../../api/catalog-shapes';
import { bytes } from '../../format/number';
import { Icon } from '../../ui/icon';

/** The archive that came with the answer: it is in the page already, so no second request can give another one. */
export function DownloadButton({ archive }: { archive: NonNullable<Made['archive']> }) {
  const [link, setLink] = useState<{ href: string; size: number } | null>(null);
  useEffect(() => {
    const content = Uint8Array.from(atob(archive.content), (one) => one.charCodeAt(0));
    const href = URL.createObjectURL(new Blob([content], { type: 'application/gzip' }));
    setLink({ href, size: content.length });
    return () => URL.revokeObjectURL(href);
  }, [archive.content]);
  if (!link) return null;
  return (
    <a class="button primary" href={link.href} download={archive.file_name}>
      <Icon name="download" /> Download {archive.file_name} ({bytes(link.size)})
    </a>
  );
}
