// What the columns of a question set are called, and which are one sampler's: its seeds and runs.
"use strict";
const tspoNames = (columns, places) => {
  const families = new Map();
  for (const place of places) {
    const { sampler } = columns[place];
    if (!families.has(sampler)) families.set(sampler, { sampler, places: [] });
    families.get(sampler).places.push(place);
  }
  for (const family of families.values()) {
    // The keys in which its columns differ.
    family.keys = ["seed", "run"].filter((key) => new Set(family.places.map((one) => columns[one][key])).size > 1);
  }

  const part = (family, place) => family.keys.map((key) => `${key} ${columns[place][key]}`).join(" of ");

  // "tspo-q (seed 1)"; "aks (4 of 14)" where 4 of 14 answers are there.
  function nameOf(place) {
    const family = families.get(columns[place].sampler);
    const parts = [part(family, place), columns[place].unfinished].filter(Boolean);
    return parts.length ? `${family.sampler} (${parts.join(", ")})` : family.sampler;
  }

  // Some columns in few words, an entry a sampler: "tspo-q (seeds 0, 2)"
  function listed(some) {
    return [...families.values()].flatMap((family) => {
      const own = family.places.filter((place) => some.includes(place));
      if (!own.length) return [];
      if (own.length === 1 || !family.keys.length) return [nameOf(own[0])];
      if (family.keys.length > 1) return [`${family.sampler} (${own.map((place) => part(family, place)).join(", ")})`];
      const [key] = family.keys;
      return [`${family.sampler} (${key}s ${own.map((place) => columns[place][key]).join(", ")})`];
    });
  }

  const ordered = [...families.values()].flatMap((family) => family.places);
  const isFirst = (place) => families.get(columns[place].sampler).places[0] === place;
  return { families: [...families.values()], ordered, nameOf, listed, isFirst };
};
