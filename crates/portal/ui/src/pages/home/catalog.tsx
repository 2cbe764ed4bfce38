import { useData } from '../../api/cache';
import { useReviews, type CatalogPage } from '../../api/catalog';
import { plural } from '../../format/number';
import { Icon } from '../../ui/icon';
import { useLater } from '../../ui/later';

/** What the catalog asks of people, in the line of a heading, so that nothing moves when it comes. */
export function CatalogAsks() {
  return useLater() ? <Asks /> : null;
}

function Asks() {
  const reviews = useReviews().data.value;
  const unowned = useData<CatalogPage>('/catalog/entities?class=agent&owner=none&limit=1').data.value;
  const waiting = reviews?.total ?? 0;
  return (
    <>
      {unowned !== undefined && unowned.total > 0 && (
        <a class="catalog-ask" href="/catalog?class=agent&owner=none">
          <Icon name="eye" /> {plural(unowned.total, 'agent')} nobody owns
        </a>
      )}
      {waiting > 0 && (
        <a class="catalog-ask" href="/catalog/reviews">
          <Icon name="review" /> {plural(waiting, 'version')} to review
        </a>
      )}
    </>
  );
}
