-- Days since 1970, in the house's zone: the day whose places a mail has taken, in lines that take so many a day.
ALTER TABLE messages ADD COLUMN placed_on BIGINT;
